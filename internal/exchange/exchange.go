// Package exchange writes trained models for other runtimes, as ONNX.
//
// A model is a configuration of package models with the values of its parameters, and becomes a file with inputs and
// outputs that do not look like a training program: sequences are rows (batch×time), their lengths are given, states
// come and go as one tensor. docs/export.md lists them.
//
// Layers of the cells of package models become the operators RNN, GRU and LSTM; those of cells of one's own become a
// Scan of the operations of their steps.
package exchange

import (
	"fmt"
	"io"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// Model is a trained model.
type Model struct {
	Config   Config
	Weights  map[string][]float32 // of all parameters, by name
	Metadata []export.Entry       // what the file says of itself
}

// Config is a configuration of a model that can be exported.
type Config interface {
	// Declare declares the parameters.
	Declare(p *models.Params) error
}

// Parts of a model, each of which is a file of its own.
const (
	Whole   = "whole"   // what the model is for; all models have it
	Encoder = "encoder" // of a sequence-to-sequence model: what its decoder sees of sources
	Step    = "step"    // of a sequence-to-sequence model: one step of its decoder, for searches of one's own
)

// declaration declares the inputs and outputs of a file.
type declaration func(e *export.Model, p *models.Params) error

// part is a file that a model can be written as.
type part struct {
	name    string
	declare declaration
}

// parts are those of a configuration; none if such models are not exported.
func parts(c Config) []part {
	switch c := c.(type) {
	case models.LMConfig:
		return []part{{Whole, languageModel(c)}}
	case models.ClassifierConfig:
		return []part{{Whole, classifier(c)}}
	case Regressor:
		return []part{{Whole, regressor(c)}}
	case models.Seq2SeqConfig:
		return []part{{Whole, greedy(c)}, {Encoder, encoder(c)}, {Step, step(c)}}
	case models.TaggerConfig:
		return []part{{Whole, tagger(c)}}
	case Forecaster:
		return []part{{Whole, forecaster(c)}}
	}
	return nil
}

// Parts are the names of the parts that a configuration has; none if such models are not exported.
func Parts(c Config) []string {
	var names []string
	for _, p := range parts(c) {
		names = append(names, p.name)
	}
	return names
}

// Write writes a part of the model as an ONNX file, and says what that takes and gives. A model that is too large for a
// file is an *export.TooLargeError.
func (m Model) Write(w io.Writer, name string) (*export.Ports, error) {
	all := parts(m.Config)
	i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
	if i < 0 {
		return nil, &setting.Error{Setting: "part", Value: name, Want: fmt.Sprintf("one of %v", Parts(m.Config))}
	}
	o := export.Options{Name: "unroll", Metadata: m.Metadata, Standard: standard}
	return export.Write(w, o, func(e *export.Model) error {
		p := models.DeclareParams(e.Builder, tensor.Float32)
		if err := all[i].declare(e, p); err != nil {
			return err
		}
		for _, n := range p.Nodes() {
			data, ok := m.Weights[n.Name()]
			if !ok {
				return errors.Errorf("the weights lack %s", n.Name())
			}
			e.Weight(n, data)
		}
		return nil
	})
}

// valid is a mask T×B of sequences of given lengths, B: which steps they have.
func valid(b *op.Builder, lengths *G.Node, steps int) *G.Node {
	return b.Lt(b.Iota(lengths, 0, steps, 1), b.Expand(lengths, 0))
}

// unstack takes the parts of a tensor along its first axis apart.
func unstack(b *op.Builder, x *G.Node) []*G.Node {
	parts := make([]*G.Node, x.Shape()[0])
	for i := range parts {
		parts[i] = b.Squeeze(b.Slice(x, 0, i, i+1), 0)
	}
	return parts
}
