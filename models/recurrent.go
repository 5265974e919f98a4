package models

import (
	"cmp"
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// RecurrentConfig describes a stack of recurrent layers.
type RecurrentConfig struct {
	Cell          CellKind
	Input         int // size of the inputs; if they are tokens, their number
	Hidden        int // units of a layer in one direction
	Layers        int
	Bidirectional bool
	Dropout       float64 // between layers
}

// check says what is wrong with the configuration.
func (c RecurrentConfig) check() error {
	return cmp.Or(
		setting.Set("Cell", c.Cell != nil, `a kind of cell, such as models.CellConfig{Kind: "gru"}`),
		setting.AtLeast("Input", c.Input, 1),
		setting.AtLeast("Hidden", c.Hidden, 1),
		setting.AtLeast("Layers", c.Layers, 1),
		setting.Fraction("Dropout", c.Dropout),
	)
}

// Input is what recurrent layers run over.
type Input struct {
	X      *G.Node   // T×B×I vectors or T×B tokens; in a single step B×I or B
	Mask   *G.Node   // T×B: where it is 0 a sequence stands still; nil: nowhere
	Keys   *G.Node   // T×4: the random keys of the steps (see op.Keys); in a single step 4; nil: nothing is dropped
	States []*G.Node // before the first step, B×H each; nil: zeros
}

// Recurrent is a stack of recurrent layers (Graves et al., 2013), as PyTorch's nn.RNN, nn.GRU and nn.LSTM have it:
//
//	h_t = cell(x_t, h_{t-1})                    a layer
//	y_t = h_t, or [→h_t ; ←h_t]                 ←h is a second cell that runs from the last step to the first
//	x_t of the next layer = dropout(y_t)
type Recurrent struct {
	RecurrentConfig
	name  string
	dtype tensor.Dtype
	cells [][]Cell // by layer and direction
}

// directions are the ends of the layers' names: forwards and back.
var directions = []string{"", "_reverse"}

// NewRecurrent declares the parameters of the layers, named as PyTorch has it: name.weight_ih_l0,
// name.weight_ih_l0_reverse and so on.
func NewRecurrent(p *Params, name string, c RecurrentConfig) (*Recurrent, error) {
	if err := cmp.Or(p.usable(), c.check()); err != nil {
		return nil, err
	}
	r := &Recurrent{RecurrentConfig: c, name: name, dtype: p.dtype}
	in := c.Input
	for l := range c.Layers {
		var cells []Cell
		for d := range r.directions() {
			cell, err := r.newCell(p.Scope(name).ofLayer(fmt.Sprintf("l%d%s", l, directions[d])), in)
			if err != nil {
				return nil, err
			}
			cells = append(cells, cell)
		}
		r.cells = append(r.cells, cells)
		in = r.Output()
	}
	return r, nil
}

// newCell makes one cell, and holds a kind that is not of this package to what it promises.
func (r *Recurrent) newCell(p *Params, in int) (Cell, error) {
	cell, err := r.Cell.NewCell(p, in, r.Hidden)
	switch {
	case err != nil:
		return nil, err
	case p.b.Err() != nil:
		return nil, p.b.Err()
	case cell == nil:
		return nil, errors.Errorf("the cell %T made nothing", r.Cell)
	case cell.States() < 1:
		return nil, errors.Errorf("the cell %T has %d states: it needs at least 1, its output", r.Cell, cell.States())
	case len(r.cells) > 0 && cell.States() != r.perCell():
		return nil, errors.Errorf("the cell %T has %d states in one layer and %d in another", r.Cell, r.perCell(),
			cell.States())
	}
	return cell, nil
}

func (r *Recurrent) directions() int {
	if r.Bidirectional {
		return 2
	}
	return 1
}

// Output is the size of the outputs, D: H, or 2·H for both directions.
func (r *Recurrent) Output() int { return r.directions() * r.Hidden }

// perCell is the number of states of a cell.
func (r *Recurrent) perCell() int { return r.cells[0][0].States() }

// States declares the states before the first step, for sequences in a batch, as inputs: B×H each, zero at
// first, in the order layer, direction, state of the cell.
func (r *Recurrent) States(b *op.Builder, batch int) []*G.Node {
	if err := setting.AtLeast("batch", batch, 1); err != nil {
		b.Fail(errors.Wrap(err, r.name))
	}
	return r.each(func(l, d, k int) *G.Node {
		if b.Err() != nil {
			return b.Fail(b.Err())
		}
		name := fmt.Sprintf("%s.state%d_l%d%s", r.name, k, l, directions[d])
		return G.NewMatrix(b.Graph(), r.dtype, G.WithShape(batch, r.Hidden), G.WithName(name))
	})
}

func (r *Recurrent) each(f func(layer, direction, k int) *G.Node) []*G.Node {
	var states []*G.Node
	for l, cells := range r.cells {
		for d, cell := range cells {
			for k := range cell.States() {
				states = append(states, f(l, d, k))
			}
		}
	}
	return states
}

// complete gives an input what may be left out, of n dimensions before those of an element: zero states, and one-hot
// vectors for cells that do not take tokens.
func (r *Recurrent) complete(b *op.Builder, in Input, n int) (Input, bool) {
	if !ranked(b, r.name, in.X, n) {
		return in, false
	}
	batch, like := in.X.Shape()[n-1], in.X
	if in.X.Dtype() == tensor.Int32 {
		if cell, ok := r.cells[0][0].(tokenCell); ok {
			like = cell.inputWeight()
		} else {
			in.X = b.OneHot(in.X, r.Input, G.NewScalar(G.NewGraph(), r.dtype, G.WithName("element type")))
			like = in.X
		}
	}
	if in.States == nil {
		in.States = r.each(func(_, _, _ int) *G.Node { return b.Fill(like, 0, batch, r.Hidden) })
	}
	return in, r.fits(b, in.States)
}

// Apply runs the layers over a sequence. It gives the outputs of all steps, T×B×D, and the last states of both
// directions.
//
// Where the mask is 0 a sequence stands still in both directions, so that padding has no influence; the outputs there
// are those of the step before.
func (r *Recurrent) Apply(b *op.Builder, in Input) (outputs *G.Node, last []*G.Node) {
	in, ok := r.complete(b, in, 2)
	if !ok {
		return b.Fail(b.Err()), in.States
	}
	outputs, states := in.X, in.States
	for l, cells := range r.cells {
		if l > 0 {
			outputs = dropout(b, outputs, r.Dropout, in.Keys)
		}
		var ways []*G.Node
		for d, cell := range cells {
			n := cell.States()
			layer := Layer{Name: fmt.Sprintf("%s layer %d%s", r.name, l, []string{"", " reversed"}[d]), Cell: cell,
				Reverse: d == 1}
			hs, ends := layer.Apply(b, Input{X: outputs, Mask: in.Mask, States: states[:n]}) // T×B×H
			ways, last, states = append(ways, hs), append(last, ends...), states[n:]
		}
		outputs = join(b, ways) // T×B×D
	}
	return outputs, last
}

// Step is one time step of all layers, for a stack of one direction that is part of a larger recurrence: the output
// of the last layer, B×H, and the new states. in has no mask.
func (r *Recurrent) Step(b *op.Builder, in Input) (output *G.Node, next []*G.Node) {
	if r.Bidirectional {
		return b.Fail(errors.Errorf("%s is bidirectional: it sees the whole sequence and has no single steps",
			r.name)), in.States
	}
	in, ok := r.complete(b, in, 1)
	if !ok {
		return b.Fail(b.Err()), in.States
	}
	output, states := in.X, in.States
	for l, cells := range r.cells {
		if l > 0 {
			output = dropout(b, output, r.Dropout, in.Keys)
		}
		n := cells[0].States()
		now := cells[0].Step(b, output, states[:n])
		if len(now) != n {
			return b.Fail(errors.Errorf("the cell %T gives %d states, not %d", r.Cell, len(now), n)), in.States
		}
		output, next, states = now[0], append(next, now...), states[n:]
	}
	return output, next
}

func (r *Recurrent) fits(b *op.Builder, states []*G.Node) bool {
	if want := r.Layers * r.directions() * r.perCell(); len(states) != want {
		b.Fail(errors.Errorf("%s has %d states, not %d: see Recurrent.States", r.name, want, len(states)))
	}
	return b.Err() == nil
}

// Top is the last outputs of the uppermost layer, B×D, from the last states: the sequence as one vector.
func (r *Recurrent) Top(b *op.Builder, last []*G.Node) *G.Node {
	if !r.fits(b, last) {
		return b.Fail(b.Err())
	}
	n := r.perCell()
	var ways []*G.Node
	for d := range r.directions() {
		ways = append(ways, last[len(last)-(r.directions()-d)*n])
	}
	return join(b, ways)
}

// ranked reports whether a method may look at the first n dimensions of x: no error has happened, and x has them.
func ranked(b *op.Builder, what string, x *G.Node, n int) bool {
	switch {
	case b.Err() != nil:
	case x == nil:
		b.Fail(errors.Errorf("%s: the input is nil", what))
	case x.Dims() < n:
		b.Fail(errors.Errorf("%s: the input %s has shape %v, wants %d dimensions or more", what, x.Name(),
			[]int(x.Shape()), n))
	}
	return b.Err() == nil
}

// join is concatenation along the last axis.
func join(b *op.Builder, xs []*G.Node) *G.Node {
	if len(xs) == 1 {
		return xs[0]
	}
	return b.Concat(-1, xs...)
}

// dropout is op.Dropout, or x itself without keys.
func dropout(b *op.Builder, x *G.Node, p float64, keys *G.Node) *G.Node {
	if keys == nil {
		return x
	}
	return b.Dropout(x, p, keys)
}
