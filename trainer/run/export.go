package run

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/models"
)

// ONNXPorts are what an ONNX file takes and gives.
type ONNXPorts = export.Ports

// ONNXTooLargeError says that a model does not fit in an ONNX file.
type ONNXTooLargeError = export.TooLargeError

// ONNXParts are the parts of the model that WriteONNX writes, each a file of its own; the first is the whole. A run
// whose model cannot be exported is a *DataError.
func (r *Run) ONNXParts() ([]string, error) {
	_, parts, err := r.exchanged()
	return parts, err
}

// exchanged is the configuration of the model, with the parts that can be exported.
func (r *Run) exchanged() (exchange.Config, []string, error) {
	if err := r.alone("exported"); err != nil {
		return nil, nil, err
	}
	if r.config.with.lm != nil {
		return nil, nil, badData("%s: the model is one of a program's own, and only the program knows what it computes",
			r.dir)
	}
	model, err := kindOf(r.config.Task).model(r.config)
	if err != nil {
		return nil, nil, err
	}
	var config exchange.Config = model
	switch c := model.(type) {
	case models.RegressorConfig:
		n := r.config.Model.Number
		config = exchange.Regressor{RegressorConfig: c, Mean: n.Mean, Deviation: n.Deviation}
	case models.ForecasterConfig:
		f := r.config.Model.Forecast
		config = exchange.Forecaster{ForecasterConfig: c, Steps: f.steps(), Scaling: f.scaling(),
			Covariates: r.columns.moments()}
	}
	parts := exchange.Parts(config)
	if len(parts) == 0 {
		return nil, nil, badData("%s holds %s, which is not exported: write its graph with package graph/export",
			r.dir, TaskName(r.config.Task))
	}
	return config, parts, nil
}

// WriteONNX writes a part of the model, or with "" the whole, at the checkpoint that the run uses, as an ONNX file. It
// says what that takes and gives: see docs/export.md. A model that is too large for a file is an *ONNXTooLargeError.
func (r *Run) WriteONNX(w io.Writer, part string) (*ONNXPorts, error) {
	model, parts, err := r.exchanged()
	if err != nil {
		return nil, err
	}
	if part = cmp.Or(part, parts[0]); !slices.Contains(parts, part) {
		return nil, settings("`part` is %q: of %s it must be %s", part, TaskName(r.config.Task), strings.Join(parts, ", "))
	}
	weights := map[string][]float32{}
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := r.config.fits(f); err != nil {
		return nil, err
	}
	tensors, err := f.Weights()
	if err != nil {
		return nil, err
	}
	for _, t := range tensors {
		data, ok := t.Data.([]float32)
		if !ok {
			return nil, corrupt("%s: %q is not of float32, as weights are", r.checkpoint(), t.Name)
		}
		weights[t.Name] = data
	}
	m := exchange.Model{Config: model, Weights: weights, Metadata: r.describeONNX(part, f.Step())}
	return m.Write(w, part)
}

// yamlOf is a part of a configuration as config.yaml has it.
func yamlOf(x any) string {
	data, err := yaml.Marshal(x)
	if err != nil { // numbers and words always encode
		panic(err)
	}
	return string(data)
}

// describeONNX is what a file says of itself: what is needed to use it.
func (r *Run) describeONNX(part string, step int) []export.Entry {
	entries := []export.Entry{
		{Key: "unroll.task", Value: r.config.Task}, {Key: "unroll.part", Value: part},
		{Key: "unroll.step", Value: strconv.Itoa(step)},
	}
	if n := r.config.Training.Longest; n > 0 && r.config.Task == TaskClassify { // others cut in training alone
		entries = append(entries, export.Entry{Key: "unroll.longest", Value: fmt.Sprint(n)})
	}
	if t := r.config.Model.Tag; t != nil {
		entries = append(entries, export.Entry{Key: "unroll.lower", Value: strconv.FormatBool(t.Lower)})
		if t.CharHidden > 0 {
			entries = append(entries, export.Entry{Key: "unroll.letters", Value: strconv.Itoa(t.Letters)})
		}
	}
	if s := r.config.Model.Series; s != nil {
		entries = append(entries, export.Entry{Key: "series.yaml", Value: yamlOf(s.Inputs)})
	}
	if f := r.config.Model.Forecast; f != nil {
		entries = append(entries, export.Entry{Key: "forecast.yaml", Value: yamlOf(f)})
	}
	files := r.Files()
	for _, f := range modelFiles { // in their order
		if data, ok := files[f.name]; ok {
			entries = append(entries, export.Entry{Key: f.name, Value: string(data)})
		}
	}
	return entries
}

// Files are the vocabularies, labels and columns of the run, as the folder has them, by their names there.
func (r *Run) Files() map[string][]byte {
	files := map[string][]byte{}
	for name, v := range map[string]*datasets.Vocab{
		vocabName: r.vocab, targetName: r.target, charsName: r.chars, formsName: r.forms,
	} {
		if v != nil {
			files[name] = v.JSON()
		}
	}
	if r.labels != nil {
		files[labelsName] = r.labels.JSON()
	}
	if r.columns != nil {
		files[columnsName] = r.columns.JSON()
	}
	return files
}
