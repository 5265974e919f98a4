package run

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/onnx"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
)

// exported is a part of a run as a file.
func exported(t *testing.T, r *Run, part string) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := r.WriteONNX(&file, part); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func computed(t *testing.T, file []byte, in map[string]*onnxtest.Tensor) map[string]*onnxtest.Tensor {
	t.Helper()
	out, err := onnxtest.Run(file, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tokenRows are rows of tokens with padding behind them, and their lengths.
func tokenRows(rows [][]int32) (tokens, lengths *onnxtest.Tensor) {
	longest := 0
	for _, row := range rows {
		longest = max(longest, len(row))
	}
	var all, n []int32
	for _, row := range rows {
		n = append(n, int32(len(row)))
		all = append(append(all, row...), make([]int32, longest-len(row))...)
	}
	return onnxtest.Ints(all, len(rows), longest), onnxtest.Ints(n, len(rows))
}

// TestExportClassifier: the probabilities are those of the run.
func TestExportClassifier(t *testing.T) {
	r := trained(t, TaskClassify)
	m, err := r.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := []string{"a text", "another, which is longer", "x"}
	want, err := m.Classify(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]int32
	for _, text := range texts {
		tokens, _ := r.Vocab().EncodeLine(text)
		rows = append(rows, tokens)
	}
	in := map[string]*onnxtest.Tensor{}
	in["tokens"], in["lengths"] = tokenRows(rows)
	got := computed(t, exported(t, r, exchange.Whole), in)["probabilities"]
	for i := range texts {
		for _, l := range want[i] {
			class, _ := r.labels.Class(l.Name)
			if p := got.Data[i*r.labels.Len()+int(class)]; math.Abs(p-l.Probability) > 1e-6 {
				t.Errorf("%s is %s with %g, the run says %g", texts[i], l.Name, p, l.Probability)
			}
		}
	}
}

// TestExportTranslator: the translations are those of the run.
func TestExportTranslator(t *testing.T) {
	r := trained(t, TaskSeq2Seq)
	m, err := r.Translator()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts, most := []string{"12 May 1999", "5.5.05"}, 7
	want, err := m.Translate(context.Background(), 0, texts, TranslateOptions{
		Beam: decode.Beam{Width: 1, Best: 1, MaxLength: most},
	})
	if err != nil {
		t.Fatal(err)
	}
	source, _ := tokenRows([][]int32{m.Source(texts[0]), m.Source(texts[1])})
	in := map[string]*onnxtest.Tensor{"source": source, "max_steps": onnxtest.Int(int32(most))}
	got := computed(t, exported(t, r, exchange.Whole), in)
	steps := got["tokens"].Dims[1]
	for i := range texts {
		var tokens []int32
		for _, x := range got["tokens"].Data[i*steps : (i+1)*steps] {
			if token := int32(x); token != datasets.Pad && token != datasets.End {
				tokens = append(tokens, token)
			}
		}
		text, p := r.Target().Decode(tokens), got["log_prob"].Data[i]
		if w := want[i][0]; text != w.Text || math.Abs(p-w.LogProb) > 1e-5 {
			t.Errorf("%s becomes %q with %g, the run writes %q with %g", texts[i], text, p, w.Text, w.LogProb)
		}
	}
}

// TestExportOwnCell: a cell of a program's own is in the file as the operations of its step, and the whole is usual.
func TestExportOwnCell(t *testing.T) {
	own := Cell("mgu", mgu{})
	c := Defaults(TaskLM)
	c.Model.Cell, c.Model.Layers, c.Model.Hidden, c.Training.Epochs, c.Training.Steps = "mgu", 2, 4, 0, 1
	c.Training.Batch, c.Training.Seq = 2, 8
	work, err := NewLM(c, text(t), nil, own, device1)
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	dir := filepath.Join(t.TempDir(), "mgu")
	if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, own)
	if err != nil {
		t.Fatal(err)
	}
	operators, err := onnxtest.Operators(exported(t, r, ""))
	if err != nil || operators["Scan"] != 2 || operators["GRU"] > 0 {
		t.Errorf("the operators are %v: %v", operators, err)
	}
}

// TestExportAbout: a file has what is needed to use it.
func TestExportAbout(t *testing.T) {
	for task, keys := range map[string]string{
		TaskLM:       "unroll.task unroll.part unroll.step vocab.json",
		TaskClassify: "unroll.task unroll.part unroll.step unroll.longest vocab.json labels.json",
		TaskSeq2Seq:  "unroll.task unroll.part unroll.step vocab.json target-vocab.json",
		TaskTag: "unroll.task unroll.part unroll.step unroll.lower unroll.letters vocab.json labels.json chars.json " +
			"forms.json",
	} {
		m, err := onnxtest.Decode(exported(t, trained(t, task), exchange.Whole))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range m.Metadata {
			got = append(got, e.Key)
		}
		if strings.Join(got, " ") != keys {
			t.Errorf("%s says %q, want %q", task, got, keys)
		}
	}
}

// TestExportRefused: what has no translation says so before anything is written.
func TestExportRefused(t *testing.T) {
	r := trained(t, TaskClassify)
	var file bytes.Buffer
	var wrong *SettingsError
	if _, err := r.WriteONNX(&file, exchange.Step); !errors.As(err, &wrong) || file.Len() > 0 ||
		err.Error() != "`part` is \"step\": of a classifier it must be whole" {
		t.Errorf("%v with %d bytes", err, file.Len())
	}
	r = trained(t, TaskLM)
	r.Use(WithLM(func(trainer.LMConfig) (LM, error) { return nil, nil }))
	var bad *DataError
	if _, err := r.WriteONNX(&file, exchange.Whole); !errors.As(err, &bad) || file.Len() > 0 {
		t.Errorf("a model of a program's own: %v with %d bytes", err, file.Len())
	}
}

// TestExportRegressor: the numbers are those of the run, in units of the data, from vectors as series.yaml says.
func TestExportRegressor(t *testing.T) {
	c := smallSeries(TaskRegress)
	c.Model.Number, c.Training.Epochs = &NumberModel{Loss: "huber"}, 2
	train := waves(t, 20, true)
	train.Classes, train.Regression = nil, true
	work, err := NewRegressor(c, train, nil, device1)
	r := openedAfter(t, work, err)
	m, err := r.Regressor()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cases := waves(t, 5, true)
	want, err := m.Predict(context.Background(), cases)
	if err != nil {
		t.Fatal(err)
	}
	file := exported(t, r, exchange.Whole)
	about, err := onnxtest.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	var inputs series.Features
	at := slices.IndexFunc(about.Metadata, func(e onnx.Entry) bool { return e.Key == "series.yaml" })
	if err := yaml.Unmarshal([]byte(about.Metadata[at].Value), &inputs); err != nil {
		t.Fatal(err)
	}
	for i := range cases.Cases {
		steps, size := inputs.Steps(&cases.Cases[i]), inputs.Size()
		vectors := make([]float32, steps*size)
		if err := inputs.Fill(&cases.Cases[i], vectors); err != nil {
			t.Fatal(err)
		}
		got := computed(t, file, map[string]*onnxtest.Tensor{
			"vectors": onnxtest.Floats(vectors, 1, steps, size), "lengths": onnxtest.Ints([]int32{int32(steps)}, 1),
		})["number"]
		if math.Abs(got.Data[0]-want[i]) > 1e-5*math.Abs(want[i]) {
			t.Errorf("series %d: %g, the run says %g", i, got.Data[0], want[i])
		}
	}
}

// TestExportForecaster: forecasts and quantiles are those of the run, of raw values, covariates and categories; the
// caller makes the covariates of the calendar. Series of different lengths are a batch.
func TestExportForecaster(t *testing.T) {
	set, c := shops()
	work, err := NewForecaster(c, set, device1)
	r := openedAfter(t, work, err)
	m, err := r.Forecaster()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	set.Series[1].Values[1][48] = math.NaN()
	for k, values := range set.Series[2].Values { // less than a window
		set.Series[2].Values[k] = values[:9]
	}
	want, err := m.Forecast(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	file := exported(t, r, exchange.Whole)
	about := map[string]string{}
	decoded, err := onnxtest.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range decoded.Metadata {
		about[e.Key] = e.Value
	}
	var f ForecastModel
	if err := yaml.Unmarshal([]byte(about["forecast.yaml"]), &f); err != nil || f.Horizon != 7 ||
		len(f.Quantiles) != 3 || about["columns.json"] != string(r.columns.JSON()) {
		t.Fatalf("the file says of itself %v: %v", about, err)
	}
	got := computed(t, file, rawSeries(t, r, set, 50))
	for i, x := range want {
		row, target := i/2, i%2
		for h, y := range x.Points {
			at := (row*7+h)*2 + target
			if point := got["forecast"].Data[at]; math.Abs(point-y) > 1e-5*math.Abs(y) {
				t.Errorf("%s %s %d: %g, the run says %g", x.ID, x.Target, h, point, y)
			}
			for k, p := range f.Quantiles {
				if q, y := got["quantiles"].Data[at*3+k], x.Quantile(h, p); math.Abs(q-y) > 1e-5*math.Abs(y) {
					t.Errorf("%s %s %d: the quantile %g is %g, the run says %g", x.ID, x.Target, h, p, q, y)
				}
			}
		}
	}
}

// rawSeries are series of at most so many values as a file reads them.
func rawSeries(t *testing.T, r *Run, set *series.Set, longest int) map[string]*onnxtest.Tensor {
	t.Helper()
	c, horizon, n := r.columns, r.config.Model.Forecast.Horizon, len(set.Series)
	calendar, err := c.calendar()
	if err != nil {
		t.Fatal(err)
	}
	var values, known []float32
	var lengths, static []int32
	put := func(to *[]float32, columns [][]float64, rows int) {
		for t := range rows {
			for _, column := range columns {
				y := math.NaN()
				if t < len(column) {
					y = column[t]
				}
				*to = append(*to, float32(y))
			}
		}
	}
	for i := range set.Series {
		s := &set.Series[i]
		times, err := calendar.At(s.Start, set.Step, longest+horizon)
		if err != nil {
			t.Fatal(err)
		}
		put(&values, s.Values, longest)
		put(&known, append(slices.Clone(s.Known), times...), longest+horizon)
		lengths = append(lengths, int32(s.Len()))
		static = append(static, int32(slices.Index(c.Static[0].Values, s.Static[0])))
	}
	return map[string]*onnxtest.Tensor{
		"values": onnxtest.Floats(values, n, longest, len(c.Targets)), "lengths": onnxtest.Ints(lengths, n),
		"known":  onnxtest.Floats(known, n, longest+horizon, c.covariateCount()),
		"static": onnxtest.Ints(static, n, 1),
	}
}
