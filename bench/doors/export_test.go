package doors

import (
	"bytes"
	"io"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/models"
)

// aCell is an RNN, and as a model of package export has it.
func aCell(b *op.Builder, in, hidden int) (export.StandardCell, error) {
	c, err := models.CellConfig{Kind: "rnn", NoBias: true}.NewCell(models.DeclareParams(b, tensor.Float32), in, hidden)
	if err != nil {
		return export.StandardCell{}, err
	}
	r := c.(*models.RNN)
	return export.StandardCell{Step: r.Step, Input: r.Wih, Hidden: r.Whh}, nil
}

// layer declares a layer of that cell.
func layer(m *export.Model) error {
	x := m.Input("x", tensor.Float32, m.Size("time"), m.Size("batch"), 2)
	p := models.DeclareParams(m.Builder, tensor.Float32)
	r, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "rnn", NoBias: true}, Input: 2, Hidden: 1, Layers: 1,
	})
	if err != nil {
		return err
	}
	for _, n := range p.Nodes() {
		m.Weight(n, make([]float32, n.Shape().TotalSize()))
	}
	ys, _ := r.Apply(m.Builder, models.Input{X: x})
	m.Output("y", ys)
	return nil
}

// declaring tries a method of a model while it is declared.
func declaring[T any](declare func(m *export.Model, x *G.Node, arg T)) func(arg T) error {
	return func(arg T) error {
		_, err := export.Write(io.Discard, export.Options{}, func(m *export.Model) error {
			x := m.Input("x", tensor.Float32, m.Size("batch"), 2)
			declare(m, x, arg)
			m.Output("y", m.Tanh(x))
			return nil
		})
		return err
	}
}

func init() {
	doors = append(doors, door{"graph/export", map[string]func(t *testing.T) call{
		"Write": func(*testing.T) call {
			o := export.Options{Name: "n", Metadata: []export.Entry{{Key: "k", Value: "v"}}, Standard: []export.Standard{
				{Operator: "RNN", Gates: []int{0}, Declare: aCell},
			}}
			return call{export.Write, []any{&bytes.Buffer{}, o, layer}}
		},
		"Model.Size": func(*testing.T) call {
			return call{declaring(func(m *export.Model, _ *G.Node, name string) { m.Size(name) }), []any{"batch"}}
		},
		"Model.Input": func(*testing.T) call {
			return call{declaring(func(m *export.Model, x *G.Node, shape []int) {
				m.Output("z", m.Neg(m.Input("other", tensor.Float32, shape...)))
			}), []any{[]int{2, 3}}}
		},
		"Model.Weight": func(*testing.T) call {
			return call{declaring(func(m *export.Model, _ *G.Node, data []float32) {
				m.Weight(G.NewVector(m.Graph(), tensor.Float32, G.WithShape(2), G.WithName("w")), data)
			}), []any{[]float32{1, 2}}}
		},
		"Model.Output": func(*testing.T) call {
			return call{declaring(func(m *export.Model, x *G.Node, name string) { m.Output(name, x) }), []any{"z"}}
		},
		"Model.While": func(*testing.T) call {
			return call{declaring(func(m *export.Model, x *G.Node, l export.While) {
				if l.Most != nil {
					l.Most = m.Input("most", tensor.Int32)
				}
				for i := range l.States {
					if l.States[i] != nil {
						l.States[i] = x
					}
				}
				m.While(l, m.Size("steps"))
			}), []any{export.While{
				Name: "w", Most: newBench().at, States: []*G.Node{newBench().vector},
				Step: func(s []*G.Node) export.WhileStep { return export.WhileStep{States: s, Outs: s, More: s[0]} },
			}}}
		},
	}}, door{"internal/exchange", map[string]func(t *testing.T) call{
		"Model.Write": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewLM, lm)
			weights := map[string][]float32{}
			for _, n := range m.Params.Nodes() {
				weights[n.Name()] = n.Value().Data().([]float32)
			}
			model := exchange.Model{Config: lm, Weights: weights}
			return call{exchange.Model.Write, []any{model, &bytes.Buffer{}, exchange.Whole}}
		},
	}})
}
