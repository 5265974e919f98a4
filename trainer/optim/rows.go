package optim

import (
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
)

// Where a parameter is a table that is only looked up, an embedding, a batch has gradients for the rows alone that it
// reads, and an optimizer sees these rows in place of the parameter: the same formulas, of which nothing is computed
// for other rows. A row that a batch reads several times is there as often; its gradient, the sum, and with it its
// update are at the last of these places, and the others have none.

// still is implemented by optimizers that leave a weight and its states as they are where the gradient is 0, so that
// updates of rows alone are those of the whole parameter.
type still interface{ Still() bool }

// Still implements it: without momentum.
func (o SGD) Still() bool { return o.Momentum == 0 }

// Still implements it.
func (o Adagrad) Still() bool { return true }

// rows puts rows in the place of parameters that are to be updated by rows, and of their gradients.
func (c *StepConfig) rows(states *States, grads G.Nodes) (weights, gradients G.Nodes) {
	weights, gradients = slices.Clone(c.Params), slices.Clone(grads)
	s, ok := c.Optimizer.(still)
	same := ok && s.Still()
	if !c.Rows && !same || c.divided() || c.Average > 0 { // those need the whole gradient, or all weights
		return weights, gradients
	}
	b := states.b
	for i, g := range grads {
		index, rows, ok := b.RowsOf(g)
		if !ok || !c.Rows && index.Shape()[0] >= g.Shape()[0] { // the same, and not less
			continue
		}
		weights[i] = states.taken(c.Params[i], index)
		gradients[i] = b.ScatterAdd(b.Last(index, g.Shape()[0]), rows, index.Shape()[0])
	}
	return weights, gradients
}

// part is what stands for a state in the step: its rows.
type part struct{ state, index *G.Node }

// taken are the rows of a state, by the name of the state.
func (s *States) taken(state, index *G.Node) *G.Node {
	rows := s.b.Gather(state, index)
	if s.b.Err() != nil {
		return rows
	}
	G.WithName(state.Name())(rows)
	if s.parts == nil {
		s.parts = map[*G.Node]part{}
	}
	s.parts[rows] = part{state, index}
	return rows
}

// whole makes updates of rows, where cond is not 0, updates of the states that they are of.
func (s *States) whole(cond *G.Node, updates []graph.Update) []graph.Update {
	us := when(s.b, cond, updates)
	for i, u := range us {
		if p, ok := s.parts[u.State]; ok {
			us[i] = graph.Update{State: p.state, Value: s.b.Put(p.state, p.index, u.Value)}
		}
	}
	return us
}
