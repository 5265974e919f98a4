package models_test

import (
	"fmt"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// pools are the poolings by plain loops, of the outputs of one direction or both.
var pools = map[string]func(ys [][]float64, hidden int) []float64{
	"last": func(ys [][]float64, hidden int) []float64 {
		return append(append([]float64{}, ys[len(ys)-1][:hidden]...), ys[0][hidden:]...)
	},
	"mean": func(ys [][]float64, _ int) []float64 {
		mean := make([]float64, len(ys[0]))
		for _, y := range ys {
			for j := range y {
				mean[j] += y[j] / float64(len(ys))
			}
		}
		return mean
	},
	"max": func(ys [][]float64, _ int) []float64 {
		most := append([]float64{}, ys[0]...)
		for _, y := range ys {
			for j := range y {
				most[j] = max(most[j], y[j])
			}
		}
		return most
	},
}

// TestClassifier compares the logits with plain loops over each sequence alone: all poolings, kinds of inputs,
// and with padding.
func TestClassifier(t *testing.T) {
	const steps, classes, hidden = 5, 3, 4
	lengths := []int{3, 5, 1}
	for _, pooling := range models.Poolings {
		for name, c := range map[string]models.ClassifierConfig{
			"embeddings": {Vocab: 6, Embed: 3, Bidirectional: true, Layers: 2},
			"one-hot":    {Vocab: 6, Layers: 1},
			"vectors":    {Input: 3, Bidirectional: true, Layers: 1},
		} {
			for _, padded := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/padded=%t", pooling, name, padded), func(t *testing.T) {
					f := newFixture(t)
					c.Pooling, c.Cell, c.Hidden, c.Classes = pooling, models.CellConfig{Kind: "gru"}, hidden, classes
					m, err := models.NewClassifier(f.p, c)
					if err != nil {
						t.Fatal(err)
					}
					lengths := lengths
					var mask *G.Node
					if padded {
						mask = f.mask("mask", steps, lengths)
					} else {
						lengths = []int{steps, steps, steps}
					}
					w := f.params()
					var xs *G.Node
					var x func(s, k int) []float64
					if c.Vocab > 0 {
						var words []int32
						xs, words = f.tokens("xs", c.Vocab, steps, len(lengths))
						x = func(s, k int) []float64 {
							token := words[s*len(lengths)+k]
							if c.Embed > 0 {
								return w["embedding.weight"][int(token)*c.Embed:][:c.Embed]
							}
							oneHot := make([]float64, c.Vocab)
							oneHot[token] = 1
							return oneHot
						}
					} else {
						var data []float64
						xs, data = f.floats("xs", steps, len(lengths), c.Input)
						x = func(s, k int) []float64 { return data[(s*len(lengths)+k)*c.Input:][:c.Input] }
					}
					logits := f.run(m.Logits(f.b, models.Input{X: xs, Mask: mask}))[0]
					for k, n := range lengths {
						var sequence [][]float64
						for s := range n {
							sequence = append(sequence, x(s, k))
						}
						rc := models.RecurrentConfig{Cell: c.Cell, Layers: c.Layers, Bidirectional: c.Bidirectional}
						var states [][]float64
						for range c.Layers * (1 + btoi(c.Bidirectional)) {
							states = append(states, make([]float64, hidden))
						}
						ys, _ := layersOf(rc, w, "rnn", sequence, states)
						want := affine(w["output.weight"], w["output.bias"], pools[pooling](ys, hidden))
						equal(t, fmt.Sprint("logits of sequence ", k), logits[k*classes:][:classes], want, 1e-12)
					}
				})
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A batch may be filled up with sequences of no steps: their logits are those of a vector of zeros, and they
// move no parameter.
func TestClassifierOfNothing(t *testing.T) {
	for _, pooling := range models.Poolings {
		t.Run(pooling, func(t *testing.T) {
			f := newFixture(t)
			m, err := models.NewClassifier(f.p, models.ClassifierConfig{
				Input: 2, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 3, Layers: 1, Classes: 2, Pooling: pooling,
			})
			if err != nil {
				t.Fatal(err)
			}
			xs, _ := f.floats("xs", 4, 1, 2)
			logits := m.Logits(f.b, models.Input{X: xs, Mask: f.mask("mask", 4, []int{0})})
			loss := f.b.Sum(f.b.CrossEntropy(logits, f.input("target", []int32{1}, 1), nil, 0))
			grads, err := G.Grad(loss, f.p.Nodes()...)
			if err != nil {
				t.Fatal(err)
			}
			got := f.run(append(G.Nodes{logits}, grads...)...)
			equal(t, "logits", got[0], f.params()["output.bias"], 0)
			for i, n := range f.p.Nodes() {
				if n.Name() != "output.bias" {
					equal(t, "derivative of "+n.Name(), got[1+i], make([]float64, len(got[1+i])), 0)
				}
			}
		})
	}
}

// TestClassifierGradients holds derivatives against differences, with dropout, whose choices do not move with
// the parameters.
func TestClassifierGradients(t *testing.T) {
	for _, pooling := range models.Poolings {
		for _, padded := range []bool{true, false} {
			t.Run(fmt.Sprint(pooling, "/padded=", padded), func(t *testing.T) {
				f := newFixture(t)
				m, err := models.NewClassifier(f.p, models.ClassifierConfig{
					Vocab: 4, Embed: 3, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 3, Layers: 2, Bidirectional: true,
					Dropout: 0.3, Pooling: pooling, Classes: 3,
				})
				if err != nil {
					t.Fatal(err)
				}
				xs, _ := f.tokens("xs", 4, 4, 3)
				var mask *G.Node
				if padded {
					mask = f.mask("mask", 4, []int{2, 4, 3})
				}
				classes, _ := f.tokens("classes", 3, 3)
				logits := m.Logits(f.b, models.Input{X: xs, Mask: mask, Keys: f.b.Keys(f.key(), 4)})
				f.checkGradients(f.b.Mean(f.b.CrossEntropy(logits, classes, nil, 0)))
			})
		}
	}
}

func TestClassifierMistakes(t *testing.T) {
	good := models.ClassifierConfig{Vocab: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 3, Layers: 1, Classes: 2}
	for want, change := range map[string]func(c *models.ClassifierConfig){
		"Vocab is -1":  func(c *models.ClassifierConfig) { c.Vocab = -1 },
		"Classes is 0": func(c *models.ClassifierConfig) { c.Classes = 0 },
		"Embed is 2: it must be 0 without tokens": func(c *models.ClassifierConfig) { c.Vocab, c.Input, c.Embed = 0, 3, 2 },
		"Input is 3: it must be 0 with 4":         func(c *models.ClassifierConfig) { c.Input = 3 },
		"Input is 0":                              func(c *models.ClassifierConfig) { c.Vocab = 0 },
		`Pooling is "median": it must be one of`:  func(c *models.ClassifierConfig) { c.Pooling = "median" },
		"Embed is -1":                             func(c *models.ClassifierConfig) { c.Embed = -1 },
		"Dropout is 2: it must be in":             func(c *models.ClassifierConfig) { c.Dropout = 2 },
	} {
		c := good
		change(&c)
		_, err := models.NewClassifier(newFixture(t).p, c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	f := newFixture(t)
	m, err := models.NewClassifier(f.p, good)
	if err != nil {
		t.Fatal(err)
	}
	if m.Logits(f.b, models.Input{X: G.NewVector(f.b.Graph(), tensor.Int32, G.WithShape(3),
		G.WithName("words"))}); f.b.Err() == nil ||
		!strings.Contains(f.b.Err().Error(), "words has shape [3]") {
		t.Errorf("error is %v", f.b.Err())
	}
	if n := m.Logits(f.b, models.Input{}); n == nil {
		t.Error("a node after an error is nil")
	}
	if b := op.New(f.b.Graph()); m.Logits(b, models.Input{}) == nil || b.Err() == nil {
		t.Error("no input is no error")
	}
}
