package op

import (
	"math"
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// softsign is x / (1+|x|), with the derivative 1 / (1+|x|)².
var softsign = Custom{
	Name: "Softsign",
	Compose: func(b *Builder, in []*G.Node) *G.Node {
		return b.Div(in[0], b.Affine(b.Abs(in[0]), 1, 1))
	},
	Gradient: func(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
		return []*G.Node{b.Div(g, b.Square(b.Affine(b.Abs(in[0]), 1, 1)))}
	},
}

// polar is the length of vectors, (x ..., y ..., n ... integers) -> ...: n·√(x²+y²), computed in Go.
var polar = Custom{
	Name: "Polar",
	Host: func(out Array, in []Array) error {
		for i := range out.Data {
			out.Data[i] = in[2].Data[i] * math.Hypot(in[0].Data[i], in[1].Data[i])
		}
		return nil
	},
	Gradient: func(b *Builder, in []*G.Node, out, g *G.Node) []*G.Node {
		n := b.Cast(in[2], g)
		part := func(x *G.Node) *G.Node { return b.Div(b.Mul(b.Mul(g, x), b.Square(n)), out) }
		return []*G.Node{part(in[0]), part(in[1]), nil}
	},
}

// firstOf is the first row of a matrix, computed in Go, with the gradient left out: zero.
var firstOf = Custom{
	Name: "FirstOf",
	Shape: func(in [][]int) ([]int, error) {
		if len(in[0]) != 2 {
			return nil, errors.Errorf("shape %v is no matrix", in[0])
		}
		return in[0][1:], nil
	},
	Host: func(out Array, in []Array) error {
		copy(out.Data, in[0].Data[:in[0].Shape[1]])
		return nil
	},
}

func custom1(c Custom) func(b *Builder, x *G.Node) *G.Node {
	return func(b *Builder, x *G.Node) *G.Node { return b.Custom(c, x) }
}

func init() {
	cases["Custom composed"] = unary(custom1(softsign), func(x float64) float64 { return x / (1 + math.Abs(x)) }, 0.1, 3)
	cases["Custom on the host"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Custom(polar, in...) },
		want:  elements(func(x []float64) float64 { return x[2] * math.Hypot(x[0], x[1]) }),
		at: [][]input{{floats(1, 2, 3), floats(1, 2, 3), ints(1, 4, 3)},
			{floats(1, 2, 2, 3), floats(-2, -1, 2, 3), ints(1, 4, 2, 3)}},
		bad: [][]input{{ints(1, 2, 3), ints(1, 2, 3), ints(1, 2, 3)}},
	}
	cases["Custom with a shape rule"] = opCase{
		build:     func(b *Builder, in []*G.Node) *G.Node { return b.Custom(firstOf, in...) },
		want:      func(in []array) array { return array{in[0].shape[1:], in[0].data[:in[0].shape[1]]} },
		at:        [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 1, 1)}},
		bad:       [][]input{{floats(-1, 1, 2)}},
		constants: true,
	}
}

// In the step of a scan, and through its derivative, a Custom is what it is outside.
func TestCustomInScan(t *testing.T) {
	for name, c := range map[string]Custom{"composed": softsign, "host": {
		Name: softsign.Name,
		Host: func(out Array, in []Array) error {
			out.Data[0] = in[0].Data[0] / (1 + math.Abs(in[0].Data[0]))
			return nil
		},
		Gradient: softsign.Gradient,
	}} {
		t.Run(name, func(t *testing.T) {
			for _, w := range ways {
				b, in := inputs(tape.Float64, []input{floats(1, 2, 3, 1), floats(1, 2, 1)})
				run := b.Scan(Scan{Seqs: in[:1], States: in[1:]}, func(b *Builder, in In) Out {
					return Out{States: []*G.Node{b.Custom(c, b.Mul(in.Seqs[0], in.States[0]))}}
				})
				last := b.Sum(run.Final[0])
				if b.Err() != nil {
					t.Fatal(b.Err())
				}
				grads, err := G.Grad(last, in...)
				if err != nil {
					t.Fatal(err)
				}
				values := draw([]input{floats(1, 2, 3, 1), floats(1, 2, 1)})
				h, slope := values[1].data[0], 1.0 // of h by h_0
				for _, x := range values[0].data {
					z := x * h
					slope *= x / ((1 + z) * (1 + z))
					h = z / (1 + z)
				}
				got := w.compute(t, tape.Float64, in, values, last, grads[1])
				near(t, w.name+": value", got[0], array{nil, []float64{h}}, 1e-12)
				near(t, w.name+": derivative", got[1], array{[]int{1}, []float64{slope}}, 1e-12)
			}
		})
	}
}

func TestCustomMistakes(t *testing.T) {
	same := func(_ *Builder, in []*G.Node) *G.Node { return in[0] }
	host := func(Array, []Array) error { return nil }
	for want, c := range map[string]Custom{
		"Custom of in0[2]: needs either Compose or Host": {},
		"Two of in0[2]: needs either Compose or Host":    {Name: "Two", Compose: same, Host: host},
		"has Shape, which is for Host":                   {Compose: same, Shape: func(in [][]int) ([]int, error) { return in[0], nil }},
		"input 0 is nil":                                 {Compose: func(*Builder, []*G.Node) *G.Node { return nil }},
		"no matrix":                                      firstOf,
		"dimension":                                      {Host: host, Shape: func([][]int) ([]int, error) { return []int{-1}, nil }},
		"has 0 gradients for 1 inputs": {Compose: same,
			Gradient: func(*Builder, []*G.Node, *G.Node, *G.Node) []*G.Node { return nil }},
		"for in0[2] has shape []": {Compose: same,
			Gradient: func(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node { return []*G.Node{b.Sum(g)} }},
	} {
		b, in := inputs(tape.Float32, []input{floats(-1, 1, 2)})
		y := b.Custom(c, in...)
		err := b.Err()
		if err == nil {
			_, err = G.Grad(b.Sum(y), in...)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	b, in := inputs(tape.Float32, []input{floats(-1, 1, 2), floats(-1, 1, 2)})
	b.Custom(Custom{Name: "Greedy", Compose: func(b *Builder, x []*G.Node) *G.Node { return b.Add(x[0], in[1]) }}, in[0])
	if b.Err() == nil || !strings.Contains(b.Err().Error(), "uses in1[2], which is not among its inputs") {
		t.Errorf("error is %v", b.Err())
	}
	if b := New(b.Graph()); b.Custom(softsign) == nil || b.Err() == nil {
		t.Error("no input is no error")
	}
}
