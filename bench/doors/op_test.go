package doors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// arguments draws arguments for methods of a builder: good, odd and wrong ones.
type arguments struct {
	rand  *rand.Rand
	nodes []*G.Node
}

func newArguments(g *G.ExprGraph, random *rand.Rand) *arguments {
	a := &arguments{rand: random, nodes: []*G.Node{nil,
		G.NewScalar(G.NewGraph(), G.Float32, G.WithName("of another graph"))}}
	for i, of := range []tensor.Dtype{tensor.Float32, tensor.Int32, tensor.Float64, tensor.Int64} {
		for k, shape := range [][]int{{}, {4}, {2, 3}, {3, 2}, {2, 1}, {2, 3, 4}} {
			n := G.NewTensor(g, of, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint("x", i, k)))
			if len(shape) == 0 {
				n = G.NewScalar(g, of, G.WithName(fmt.Sprint("x", i, k)))
			}
			for range max(1, 4-2*i) { // more of what is usual
				a.nodes = append(a.nodes, n)
			}
		}
	}
	return a
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// of is an argument of a type.
func (a *arguments) of(t *testing.T, of reflect.Type) reflect.Value {
	switch of {
	case reflect.TypeFor[*G.Node]():
		return reflect.ValueOf(pick(a.rand, a.nodes...))
	case reflect.TypeFor[op.Step]():
		return reflect.ValueOf(pick(a.rand, nil, op.Step(func(b *op.Builder, in op.In) op.Out {
			return op.Out{States: pick(a.rand, in.States, in.Seqs, nil), Outs: pick(a.rand, nil, in.Seqs)}
		})))
	case reflect.TypeFor[func(any) error]():
		return reflect.ValueOf(pick(a.rand, nil, func(any) error { return nil }))
	case reflect.TypeFor[error]():
		return reflect.ValueOf(&reflect.ValueError{})
	}
	switch of.Kind() {
	case reflect.Int, reflect.Uint8:
		return reflect.ValueOf(pick(a.rand, -2, -1, 0, 1, 2, 3, 7)).Convert(of)
	case reflect.Float64:
		return reflect.ValueOf(pick(a.rand, 0, 0.5, 1, -1, math.NaN(), math.Inf(1), 1e300))
	case reflect.Bool:
		return reflect.ValueOf(a.rand.IntN(2) == 0)
	case reflect.String:
		return reflect.ValueOf(pick(a.rand, "", "name"))
	case reflect.Slice:
		s := reflect.MakeSlice(of, 0, 3)
		for range a.rand.IntN(4) {
			s = reflect.Append(s, a.of(t, of.Elem()))
		}
		return s
	case reflect.Struct:
		s := reflect.New(of).Elem()
		for i := range of.NumField() {
			if of.Field(i).Type.Kind() != reflect.Func {
				s.Field(i).Set(a.of(t, of.Field(i).Type))
			}
		}
		return s
	}
	t.Fatalf("how is an argument of type %v made?", of)
	return reflect.Value{}
}

// No method of a builder panics, whatever it is given; and what it then gives can be compiled and run, or is refused
// with an error.
func TestBuilderNeverPanics(t *testing.T) {
	methods := reflect.TypeFor[*op.Builder]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		t.Run(m.Name, func(t *testing.T) {
			for seed := range uint64(150) {
				b := op.New(G.NewGraph())
				a := newArguments(b.Graph(), rand.New(rand.NewPCG(seed, 0)))
				in := []reflect.Value{reflect.ValueOf(b)}
				for k := 1; k < m.Type.NumIn(); k++ {
					in = append(in, a.of(t, m.Type.In(k)))
				}
				if p := tried(m, in, b); p != "" {
					t.Fatalf("of %v: %s", in[1:], p)
				}
			}
		})
	}
}

// tried makes a call and runs what comes of it. It gives the panic, if there is one.
func tried(m reflect.Method, in []reflect.Value, b *op.Builder) (panicked string) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	var out []reflect.Value
	if m.Type.IsVariadic() {
		out = m.Func.CallSlice(in)
	} else {
		out = m.Func.Call(in)
	}
	if b.Err() != nil || len(out) == 0 {
		return ""
	}
	n, ok := out[0].Interface().(*G.Node)
	if !ok || n == nil {
		return ""
	}
	p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: G.Nodes{n}})
	if err != nil {
		return ""
	}
	defer p.Close()
	p.Run()
	return ""
}
