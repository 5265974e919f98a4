package models

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// RecurrentConfig describes a stack of recurrent layers.
type RecurrentConfig struct {
	Cell          CellConfig
	Input         int // size of the inputs; if they are tokens, their number
	Hidden        int // units of a layer in one direction
	Layers        int
	Bidirectional bool
	Dropout       float64 // between layers
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

// NewRecurrent declares the parameters name.weight_ih_l0 and so on; see NewCell.
func NewRecurrent(p *Params, name string, c RecurrentConfig) (*Recurrent, error) {
	err := checkSizes(size{"input size", c.Input, 1}, size{"hidden size", c.Hidden, 1}, size{"number of layers", c.Layers, 1})
	if err == nil {
		err = checkProbability("dropout", c.Dropout)
	}
	if err != nil {
		return nil, err
	}
	r := &Recurrent{RecurrentConfig: c, name: name, dtype: p.dtype}
	in := c.Input
	for l := range c.Layers {
		var cells []Cell
		for d := range r.directions() {
			cell, err := NewCell(p, c.Cell, name, fmt.Sprintf("l%d%s", l, []string{"", "_reverse"}[d]), in, c.Hidden)
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

// States declares the states before the first step, for sequences in a batch, as inputs: B×H each, zero at first, in the order layer,
// direction, state of the cell.
func (r *Recurrent) States(b *op.Builder, batch int) []*G.Node {
	return r.each(func(l, d, k int) *G.Node {
		name := fmt.Sprintf("%s.state%d_l%d%s", r.name, k, l, []string{"", "_reverse"}[d])
		return G.NewMatrix(b.Graph(), r.dtype, G.WithShape(batch, r.Hidden), G.WithName(name))
	})
}

// Zeros is the states with which a sequence begins, in the order of States; like gives the graph and the element type.
func (r *Recurrent) Zeros(b *op.Builder, like *G.Node, batch int) []*G.Node {
	return r.each(func(_, _, _ int) *G.Node { return b.Fill(like, 0, batch, r.Hidden) })
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

// Apply runs the layers over xs, T×B×I or T×B tokens, from the given states. It gives the outputs of all steps, T×B×D, and the last
// states of both directions.
//
// Where mask, T×B, is 0 a sequence stands still in both directions, so that padding has no influence; the outputs there are those
// of the step before. mask may be nil. keys, T×4, are the random keys of the steps (see op.Keys); without them nothing is dropped.
func (r *Recurrent) Apply(b *op.Builder, xs, mask *G.Node, states []*G.Node, keys *G.Node) (outputs *G.Node, last []*G.Node) {
	if !r.fits(b, states) {
		return b.Fail(b.Err()), states
	}
	outputs = xs
	for l, cells := range r.cells {
		if l > 0 {
			outputs = dropout(b, outputs, r.Dropout, keys)
		}
		var ways []*G.Node
		for d, cell := range cells {
			n := cell.States()
			label := fmt.Sprintf("%s layer %d%s", r.name, l, []string{"", " reversed"}[d])
			hs, ends := Layer(b, label, cell, outputs, states[:n], mask, d == 1) // T×B×H
			ways, last, states = append(ways, hs), append(last, ends...), states[n:]
		}
		outputs = join(b, ways) // T×B×D
	}
	return outputs, last
}

// Step is one time step of all layers, for a stack of one direction that is part of a larger recurrence: from x, B×I or B tokens, the
// output of the last layer, B×H, and the new states. key, 4, is the random key of the step; without it nothing is dropped.
func (r *Recurrent) Step(b *op.Builder, x *G.Node, states []*G.Node, key *G.Node) (output *G.Node, next []*G.Node) {
	if r.Bidirectional {
		return b.Fail(errors.Errorf("%s is bidirectional: it sees the whole sequence and has no single steps", r.name)), states
	}
	if !r.fits(b, states) {
		return b.Fail(b.Err()), states
	}
	output = x
	for l, cells := range r.cells {
		if l > 0 {
			output = dropout(b, output, r.Dropout, key)
		}
		n := cells[0].States()
		now := cells[0].Step(b, output, states[:n])
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
		b.Fail(errors.Errorf("%s: the input %s has shape %v, wants T×B tokens or T×B×I vectors", what, x.Name(), []int(x.Shape())))
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

// size is a number in a configuration, with the least that it may be.
type size struct {
	name  string
	value int
	least int
}

func checkSizes(sizes ...size) error {
	for _, s := range sizes {
		if s.value < s.least {
			return errors.Errorf("the %s is %d, must be at least %d", s.name, s.value, s.least)
		}
	}
	return nil
}

func checkProbability(name string, p float64) error {
	if !(p >= 0 && p < 1) {
		return errors.Errorf("the %s is %g, must lie in [0, 1)", name, p)
	}
	return nil
}
