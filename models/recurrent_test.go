package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// cells are all variants of cells.
var cells = map[string]models.CellConfig{
	"rnn":                   {Kind: "rnn"},
	"rnn with relu":         {Kind: "rnn", Activation: "relu"},
	"rnn without bias":      {Kind: "rnn", Activation: "tanh", NoBias: true},
	"gru":                   {Kind: "gru"},
	"gru without bias":      {Kind: "gru", NoBias: true},
	"lstm":                  {Kind: "lstm"},
	"lstm without bias":     {Kind: "lstm", NoBias: true},
	"lstm with peepholes":   {Kind: "lstm", Peepholes: true},
	"lstm with layer norm":  {Kind: "lstm", LayerNorm: true},
	"lstm with everything":  {Kind: "lstm", ForgetBias: 1, Peepholes: true, LayerNorm: true},
	"lstm norm, bias-free":  {Kind: "lstm", LayerNorm: true, NoBias: true},
	"lstm peep, forgetting": {Kind: "lstm", Peepholes: true, ForgetBias: 1},
}

// stack is a stack of layers with inputs of various lengths and states before the first step.
type stack struct {
	*fixture
	r          *models.Recurrent
	xs, mask   *G.Node
	states     []*G.Node
	xData      []float64
	stateData  [][]float64
	lengths    []int
	steps, in  int
	batch, hid int
}

func newStack(t *testing.T, c models.RecurrentConfig, steps int, lengths []int) *stack {
	s := &stack{fixture: newFixture(t), lengths: lengths, steps: steps, in: c.Input, batch: len(lengths), hid: c.Hidden}
	var err error
	if s.r, err = models.NewRecurrent(s.p, "layers", c); err != nil {
		t.Fatal(err)
	}
	s.spread()
	s.xs, s.xData = s.floats("xs", steps, s.batch, c.Input)
	s.mask = s.fixture.mask("mask", steps, lengths)
	for i := range s.r.States(op.New(G.NewGraph()), s.batch) {
		n, data := s.floats(fmt.Sprint("state", i), s.batch, c.Hidden)
		s.states, s.stateData = append(s.states, n), append(s.stateData, data)
	}
	return s
}

// plainly runs sequence k by plain loops.
func (s *stack) plainly(k int) (outputs, last [][]float64) {
	var xs, states [][]float64
	for t := range s.lengths[k] {
		xs = append(xs, s.xData[(t*s.batch+k)*s.in:][:s.in])
	}
	for _, data := range s.stateData {
		states = append(states, data[k*s.hid:][:s.hid])
	}
	return layersOf(s.r.RecurrentConfig, s.params(), "layers", xs, states)
}

// TestRecurrent compares stacks of layers of all cells with plain loops over each sequence alone, without its padding.
func TestRecurrent(t *testing.T) {
	lengths := []int{4, 1, 6}
	for name, cell := range cells {
		for _, c := range []models.RecurrentConfig{{Layers: 1}, {Layers: 2}, {Layers: 2, Bidirectional: true}} {
			t.Run(fmt.Sprintf("%s/%d/%t", name, c.Layers, c.Bidirectional), func(t *testing.T) {
				c.Cell, c.Input, c.Hidden = cell, 3, 4
				s := newStack(t, c, 6, lengths)
				outputs, last := s.r.Apply(s.b, models.Input{X: s.xs, Mask: s.mask, States: s.states})
				top := s.r.Top(s.b, last)
				got := s.run(append([]*G.Node{outputs, top}, last...)...)
				d := s.r.Output()
				for k := range lengths {
					ys, ends := s.plainly(k)
					for i, y := range ys {
						equal(t, fmt.Sprintf("output %d of sequence %d", i, k), got[0][(i*s.batch+k)*d:][:d], y, 1e-12)
					}
					for i, want := range ends {
						equal(t, fmt.Sprintf("last state %d of sequence %d", i, k), got[2+i][k*s.hid:][:s.hid], want, 1e-12)
					}
					want := append([]float64{}, ys[len(ys)-1][:s.hid]...)
					if c.Bidirectional {
						want = append(want, ys[0][s.hid:]...)
					}
					equal(t, "top", got[1][k*d:][:d], want, 1e-12)
				}
			})
		}
	}
}

// The steps of a stack, one after the other, are the stack.
func TestRecurrentSteps(t *testing.T) {
	for name, cell := range cells {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, models.RecurrentConfig{Cell: cell, Input: 3, Hidden: 4, Layers: 2, Dropout: 0.3}, 5, []int{5, 5})
			outputs, last := s.r.Apply(s.b, models.Input{X: s.xs, States: s.states})
			stepped := s.b.Scan(op.Scan{Seqs: []*G.Node{s.xs}, States: s.states}, func(b *op.Builder, in op.In) op.Out {
				y, next := s.r.Step(b, models.Input{X: in.Seqs[0], States: in.States})
				return op.Out{States: next, Outs: []*G.Node{y}}
			})
			got := s.run(append(append([]*G.Node{outputs, stepped.Outs[0]}, last...), stepped.Final...)...)
			equal(t, "outputs", got[1], got[0], 1e-12)
			for i := range last {
				equal(t, fmt.Sprint("last state ", i), got[2+len(last)+i], got[2+i], 1e-12)
			}
		})
	}
}

// TestRecurrentGradients holds the derivative of each cell against central differences, with padding and in
// both directions.
func TestRecurrentGradients(t *testing.T) {
	for name, cell := range cells {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, models.RecurrentConfig{Cell: cell, Input: 2, Hidden: 3, Layers: 2, Bidirectional: true}, 3,
				[]int{3, 2})
			outputs, last := s.r.Apply(s.b, models.Input{X: s.xs, Mask: s.mask, States: s.states})
			loss := s.b.Sum(s.b.Square(outputs))
			for i, n := range last {
				loss = s.b.Add(loss, s.b.Affine(s.b.Sum(s.b.Square(n)), float64(i+1), 0))
			}
			s.checkGradients(loss, append(s.states, s.xs)...)
		})
	}
}

// Dropout acts between layers and nowhere else: with p close to 1 the second layer sees zeros, and the first
// what it always sees.
func TestRecurrentDropout(t *testing.T) {
	s := newStack(t, models.RecurrentConfig{Cell: models.CellConfig{Kind: "gru"}, Input: 3, Hidden: 4, Layers: 2,
		Dropout: 1 - 1e-12}, 5, []int{5, 5})
	keys := s.b.Keys(s.key(), s.steps)
	_, dropped := s.r.Apply(s.b, models.Input{X: s.xs, States: s.states, Keys: keys})
	got := s.run(dropped...)
	for k := range s.lengths {
		_, ends := s.plainly(k)
		equal(t, "last state of layer 0", got[0][k*s.hid:][:s.hid], ends[0], 1e-12)
		h := [][]float64{s.stateData[1][k*s.hid:][:s.hid]}
		for range s.steps {
			h = cellStep(s.r.Cell.(models.CellConfig), s.params(), "layers", "l1", make([]float64, s.hid), h)
		}
		equal(t, "last state of layer 1", got[1][k*s.hid:][:s.hid], h[0], 1e-12)
	}
}

// The forget gate's bias is that of a cell without the option, and more by as much as the option says.
func TestForgetBias(t *testing.T) {
	const hidden = 3
	var bias [2][]float64
	for i, x := range []float64{0, 1.5} {
		p := models.NewParams(op.New(G.NewGraph()), tensor.Float32, 1)
		if _, err := (models.CellConfig{Kind: "lstm", ForgetBias: x}).NewCell(p, 2, hidden); err != nil {
			t.Fatal(err)
		}
		bias[i] = numbers(p.Nodes()[2])
	}
	for i := range bias[0] {
		want := 0.0
		if i >= hidden && i < 2*hidden {
			want = 1.5
		}
		if got := bias[1][i] - bias[0][i]; math.Abs(got-want) > 1e-6 {
			t.Errorf("bias %d is more by %v, want %v", i, got, want)
		}
	}
}

// Layer normalisation changes no numbers but by normalising them at first.
func TestLayerNormParameters(t *testing.T) {
	f := newFixture(t)
	c := models.RecurrentConfig{Cell: models.CellConfig{Kind: "lstm", LayerNorm: true}, Input: 2, Hidden: 3, Layers: 1}
	if _, err := models.NewRecurrent(f.p, "cell", c); err != nil {
		t.Fatal(err)
	}
	w := f.params()
	for name, want := range map[string]float64{
		"norm_ih_l0":       1,
		"norm_hh_l0":       1,
		"norm_c_l0.weight": 1,
		"norm_c_l0.bias":   0,
	} {
		if len(w["cell."+name]) == 0 {
			t.Errorf("there is no %s", name)
		}
		for _, x := range w["cell."+name] {
			if x != want {
				t.Errorf("%s is %v at first, want %v", name, x, want)
			}
		}
	}
}

func TestRecurrentMistakes(t *testing.T) {
	good := models.RecurrentConfig{Cell: models.CellConfig{Kind: "lstm"}, Input: 2, Hidden: 3, Layers: 1}
	for want, change := range map[string]func(c *models.RecurrentConfig){
		"Cell is not set":                  func(c *models.RecurrentConfig) { c.Cell = nil },
		`Cell is "gnu": it must be one of`: func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "gnu"} },
		`Activation is "sin"`:              func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "rnn", Activation: "sin"} },
		`Activation is "relu"`:             func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "gru", Activation: "relu"} },
		"Peepholes is true":                func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "gru", Peepholes: true} },
		"LayerNorm is true":                func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "gru", LayerNorm: true} },
		"ForgetBias is 1: it must be 0, but for": func(c *models.RecurrentConfig) {
			c.Cell = models.CellConfig{Kind: "gru", ForgetBias: 1}
		},
		"ForgetBias is 2: it must be 0 with NoBias": func(c *models.RecurrentConfig) {
			c.Cell = models.CellConfig{Kind: "lstm", NoBias: true, ForgetBias: 2}
		},
		"ForgetBias is NaN":             func(c *models.RecurrentConfig) { c.Cell = models.CellConfig{Kind: "lstm", ForgetBias: math.NaN()} },
		"Input is 0":                    func(c *models.RecurrentConfig) { c.Input = 0 },
		"Hidden is -1":                  func(c *models.RecurrentConfig) { c.Hidden = -1 },
		"Layers is 0":                   func(c *models.RecurrentConfig) { c.Layers = 0 },
		"Dropout is 1: it must be in":   func(c *models.RecurrentConfig) { c.Dropout = 1 },
		"Dropout is NaN: it must be in": func(c *models.RecurrentConfig) { c.Dropout = math.NaN() },
	} {
		c := good
		change(&c)
		_, err := models.NewRecurrent(newFixture(t).p, "layers", c)
		if wrong := (*setting.Error)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	for want, use := range map[string]func(s *stack){
		"has 2 states, not 1": func(s *stack) { s.r.Apply(s.b, models.Input{X: s.xs, States: s.states[:1]}) },
		"has 2 states, not 0": func(s *stack) { s.r.Step(s.b, models.Input{X: s.xs, States: s.states[:0]}) },
		"has 2 states, not 3": func(s *stack) { s.r.Top(s.b, make([]*G.Node, 3)) },
		"the input is nil":    func(s *stack) { s.r.Apply(s.b, models.Input{States: s.states}) },
		"2 dimensions or more": func(s *stack) {
			s.r.Apply(s.b, models.Input{X: G.NewScalar(s.b.Graph(), tensor.Float64, G.WithName("x")), States: s.states})
		},
	} {
		s := newStack(t, good, 2, []int{2})
		use(s)
		if s.b.Err() == nil || !strings.Contains(s.b.Err().Error(), want) {
			t.Errorf("error is %v, want %q in it", s.b.Err(), want)
		}
	}
	good.Bidirectional = true
	s := newStack(t, good, 2, []int{2})
	if s.r.Step(s.b, models.Input{X: s.xs, States: s.states}); s.b.Err() == nil ||
		!strings.Contains(s.b.Err().Error(), "bidirectional") {
		t.Errorf("error is %v", s.b.Err())
	}
}
