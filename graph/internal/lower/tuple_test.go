package lower_test

import (
	"fmt"
	"hash"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// pack gives x and 3x as one value, unpack takes one of them.
type (
	pack   struct{ own }
	unpack struct {
		own
		which int
	}
)

func (pack) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.Tuple(in[0], b.Mul(in[0], b.Const(3)))
}
func (u unpack) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Proj(in[0], u.which) }
func (u unpack) Hashcode() uint32                              { return 1000 + uint32(u.which) }

// own is what every op of one argument has.
type own struct{}

func (own) Arity() int                                        { return 1 }
func (own) Type() hm.Type                                     { a := hm.TypeVariable('a'); return hm.NewFnType(a, a) }
func (own) InferShape(in ...G.DimSizer) (tensor.Shape, error) { return in[0].(tensor.Shape), nil }
func (own) Do(...G.Value) (G.Value, error)                    { return nil, fmt.Errorf("not to be called") }
func (own) ReturnsPtr() bool                                  { return false }
func (own) CallsExtern() bool                                 { return false }
func (own) OverwritesInput() int                              { return -1 }
func (own) WriteHash(h hash.Hash)                             { fmt.Fprint(h, "own") }
func (own) Hashcode() uint32                                  { return 999 }
func (own) String() string                                    { return "own" }

// Gorgonia adds the gradients of a value that has several users, also if the gradients are tuples.
func TestAddTuples(t *testing.T) {
	g := newGraph(G.Float64)
	x, y := g.input(-1, 1, 3), g.input(-1, 1, 3)
	sum := G.Must(G.Add(G.Must(G.ApplyOp(pack{}, x)), G.Must(G.ApplyOp(pack{}, y))))
	vs, err := ours(G.Nodes{G.Must(G.ApplyOp(unpack{which: 0}, sum)), G.Must(G.ApplyOp(unpack{which: 1}, sum))})
	if err != nil {
		t.Fatal(err)
	}
	xs, ys := numbers(t, x.Value()), numbers(t, y.Value())
	first, second := numbers(t, vs[0]), numbers(t, vs[1])
	for i := range xs {
		if first[i] != xs[i]+ys[i] || second[i] != 3*xs[i]+3*ys[i] {
			t.Errorf("element %d: %v and %v", i, first[i], second[i])
		}
	}
}
