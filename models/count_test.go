package models_test

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// The weights of a configuration are those that a model of it has, for any number of layers; and they are counted of
// one that is too large to be made.
func TestWeights(t *testing.T) {
	for layers := 1; layers <= 4; layers++ {
		lm := models.LMConfig{Vocab: 11, Cell: MGU{}, Hidden: 6, Layers: layers, Embed: 3, Tied: true}
		classifier := models.ClassifierConfig{
			Vocab: 7, Cell: models.CellConfig{Kind: "lstm", Peepholes: true}, Hidden: 5, Layers: layers,
			Bidirectional: true, Classes: 3,
		}
		seq2seq := models.Seq2SeqConfig{
			Source: 9, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 3,
			Hidden: 4, Layers: layers,
			Bidirectional: true, Attention: Scaled{}, Before: true,
		}
		for name, c := range map[string]struct {
			count   func() (float64, error)
			declare func(p *models.Params) error
		}{
			"language model":       {lm.Weights, func(p *models.Params) error { _, err := models.NewLM(p, lm); return err }},
			"classifier":           {classifier.Weights, func(p *models.Params) error { _, err := models.NewClassifier(p, classifier); return err }},
			"sequence to sequence": {seq2seq.Weights, func(p *models.Params) error { _, err := models.NewSeq2Seq(p, seq2seq); return err }},
		} {
			p := models.NewParams(op.New(G.NewGraph()), tensor.Float32, 1)
			if err := c.declare(p); err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, n := range p.Nodes() {
				want += len(n.Value().Data().([]float32))
			}
			got, err := c.count()
			if err != nil || got != float64(want) || p.Count() != want {
				t.Errorf("%s of %d layers: %v weights, %v, and %d counted of it: want %d", name, layers, got, err, p.Count(), want)
			}
		}
	}
	// V·E + (4·H·(E+H) + 8·H) + (L-1)·(8·H² + 8·H) + V·H + V
	huge := models.LMConfig{Vocab: 10, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 1 << 20, Layers: 1 << 20, Embed: 1}
	const h = 1 << 20
	want := 10.0 + 4*h*(1+h) + 8*h + (h-1)*(8.0*h*h+8*h) + 10*h + 10
	if got, err := huge.Weights(); err != nil || got < 0.9999*want || got > 1.0001*want {
		t.Errorf("%v weights, %v, want %v", got, err, want)
	}
}
