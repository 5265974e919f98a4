package trainer

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// tiny is a model of two vectors of parameters, u and v, and an input x of the same size: its loss is Σ u² + Σ
// (v x)² + Σ e⁻ˣ, and it carries v x from step to step.
type tiny struct {
	*shared
	*trainProgram
	x *G.Node
}

const tinySize = 3

func newTiny(t *testing.T, device tape.Device, c Training) *tiny {
	t.Helper()
	declare := func() (b *op.Builder, params G.Nodes, x, carried *G.Node) {
		b = op.New(G.NewGraph())
		vector := func(name string, start ...float32) *G.Node {
			n := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(tinySize), G.WithName(name))
			if start != nil {
				G.WithValue(tensor.New(tensor.WithShape(tinySize), tensor.WithBacking(start)))(n)
			}
			return n
		}
		return b, G.Nodes{vector("u", 1, -2, 0.5), vector("v", 1, -2, 0.5)}, vector("x"), vector("carried")
	}
	b, params, _, carried := declare()
	s, err := newShared(b, params, c, device, carried)
	if err != nil {
		t.Fatal(err)
	}
	b, params, x, carried := declare()
	vx := b.Mul(params[1], x)
	loss := b.Add(b.Sum(b.Exp(b.Neg(x))), b.Add(b.Sum(b.Square(params[0])), b.Sum(b.Square(vx))))
	p, err := s.step(b, loss, nil, params, graph.Update{State: carried, Value: vx})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &tiny{s, p, x}
}

// train takes a step in parts, of one x each.
func (m *tiny) train(t *testing.T, rate float64, xs ...[]float32) (loss, norm float64) {
	t.Helper()
	loss, norm, err := m.shared.train(m.trainProgram, rate, func(k, n int) error {
		if n != len(xs) {
			t.Fatalf("%d parts, %d inputs", n, len(xs))
		}
		return m.Set(m.x, xs[k])
	})
	if err != nil {
		t.Fatal(err)
	}
	return loss, norm
}

func (m *tiny) contents(t *testing.T) map[string]any {
	t.Helper()
	weights, state := contents(t, m.shared)
	all := map[string]any{}
	for _, ts := range [][]graph.Tensor{weights, state} {
		for _, x := range ts {
			all[x.Name] = x.Data
		}
	}
	return all
}

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// A step whose loss or gradient is not finite leaves no trace: afterwards, weights and all states have the same
// bits, and what follows is as if it had never been.
func TestGuard(t *testing.T) {
	good := [][]float32{{1, 2, 3}, {-1, 0.5, 2}}
	for name, c := range map[string]Training{
		"sgd":         {Optimizer: optim.SGD{}},
		"momentum":    {Optimizer: optim.SGD{Momentum: 0.9}, Clip: 1},
		"adamw":       {Optimizer: optim.Decoupled(optim.DefaultAdam, 0.1), Clip: 1},
		"adagrad":     {Optimizer: optim.DefaultAdagrad, ClipValue: 0.5},
		"rmsprop":     {Optimizer: optim.RMSProp{Alpha: 0.99, Epsilon: 1e-8, Momentum: 0.9, Centered: true}},
		"average":     {Optimizer: optim.DefaultAdam, Average: 0.9},
		"accumulated": {Optimizer: optim.DefaultAdam, Average: 0.9, Accumulate: 2},
	} {
		for _, device := range []tape.Device{ref.New(), cpu.New()} {
			parts := func(x []float32) [][]float32 {
				if c.Accumulate == 2 {
					return [][]float32{good[0], x}
				}
				return [][]float32{x}
			}
			m, without := newTiny(t, device, c), newTiny(t, device, c)
			m.train(t, 0.1, parts(good[0])...)
			without.train(t, 0.1, parts(good[0])...)
			before := m.contents(t)
			for _, bad := range []struct {
				x    []float32
				what string
			}{
				{[]float32{1, nan, 1}, "the gradient of v"},
				{[]float32{inf, 1, 1}, "the gradient of v"},
				{[]float32{1, 1, 1e18}, "the gradient of v"}, // its loss is finite, the square of the gradient is not
				{[]float32{1e9, 2e9, 1e9}, ""},               // only large
				{[]float32{-100, 1, 1}, "the loss"},          // and no gradient
			} {
				loss, norm := m.train(t, 0.1, parts(bad.x)...)
				if bad.what == "" {
					if !isFinite(loss) || !isFinite(norm) {
						t.Errorf("%s: of %v the loss is %v and the norm %v", name, bad.x, loss, norm)
					}
					if cmp.Equal(before, m.contents(t)) {
						t.Errorf("%s: a step that is only large was left out", name)
					}
					if err := m.Load(contents(t, without.shared)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if isFinite(loss) && isFinite(norm) {
					t.Errorf("%s: of %v the loss is %v and the norm %v, this test shows nothing", name, bad.x, loss, norm)
				}
				if what, overflow, err := m.NonFinite(); what != bad.what || overflow || err != nil {
					t.Errorf("%s: to blame is %q, want %q (%v, %v)", name, what, bad.what, overflow, err)
				}
				if diff := cmp.Diff(before, m.contents(t)); diff != "" && c.Accumulate < 2 {
					t.Errorf("%s on %s: a step with %v has left a trace: %s", name, device.Name(), bad.x, diff)
				} else if c.Accumulate == 2 { // the model reads on where the loss of a part is finite
					rest := m.contents(t)
					for _, h := range rest["carried"].([]float32) {
						if !isFinite(float64(h)) {
							t.Errorf("%s on %s: after a step with %v the model carries %v", name, device.Name(), bad.x, rest["carried"])
						}
					}
					for k := range before {
						if k != "carried" && !cmp.Equal(before[k], rest[k]) {
							t.Errorf("%s on %s: a step with %v has changed %s", name, device.Name(), bad.x, k)
						}
					}
				}
			}
			m.train(t, 0.1, parts(good[1])...)
			without.train(t, 0.1, parts(good[1])...)
			if diff := cmp.Diff(without.contents(t), m.contents(t)); diff != "" {
				t.Errorf("%s on %s: steps that were left out show later: %s", name, device.Name(), diff)
			}
		}
	}
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// The factor of the loss is doubled after so many good steps, halved by an overflow, which leaves no other
// trace, and changes nothing else.
func TestLossScaling(t *testing.T) {
	scaled := newTiny(t, cpu.New(), Training{Optimizer: optim.DefaultAdam, Clip: 1,
		Scaling: optim.LossScaling{From: 1024, Every: 2}})
	plain := newTiny(t, cpu.New(), Training{Optimizer: optim.DefaultAdam, Clip: 1})
	scale := func() float32 { return scaled.contents(t)["loss scale"].([]float32)[0] }
	x := []float32{1, 2, 3}
	for k, want := range []float32{1024, 2048, 2048, 4096} {
		l, n := scaled.train(t, 0.1, x)
		pl, pn := plain.train(t, 0.1, x)
		if l != pl || n != pn || scale() != want {
			t.Errorf("step %d: loss %v, norm %v, factor %v; want %v, %v, %v", k, l, n, scale(), pl, pn, want)
		}
	}
	scaled.train(t, 0.1, x) // one good step, which should not count any more after an overflow
	before := scaled.contents(t)
	// v x² overflows when it is multiplied by 4096, and not by 1024.
	large := []float32{3e17, 1, 1}
	for k, want := range []float32{2048, 1024, 512, 256} {
		if l, n := scaled.train(t, 0.1, large); isFinite(n) {
			if k == 0 {
				t.Fatalf("nothing overflows: %v, %v", l, n)
			}
			break
		}
		if what, overflow, err := scaled.NonFinite(); err != nil || !overflow || what != "the gradient of v" {
			t.Errorf("an overflow is taken for a fault: %q, %v, %v", what, overflow, err)
		}
		after := scaled.contents(t)
		if good := after["loss scale/good steps"].([]float32)[0]; scale() != want || good != 0 {
			t.Errorf("the factor is %v, want %v, after %v good steps", scale(), want, good)
		}
		for name := range before {
			if name != "loss scale" && name != "loss scale/good steps" && !cmp.Equal(before[name], after[name]) {
				t.Errorf("%s has changed", name)
			}
		}
	}
	// A loss that is not finite by itself is a fault, whatever the factor.
	if scaled.train(t, 0.1, []float32{nan, 1, 1}); true {
		if _, overflow, err := scaled.NonFinite(); err != nil || overflow {
			t.Errorf("a fault is taken for an overflow: %v", err)
		}
	}
	// There is a largest factor.
	most := newTiny(t, cpu.New(), Training{Optimizer: optim.DefaultAdam,
		Scaling: optim.LossScaling{From: 1 << 31, Every: 1}})
	for range 3 {
		most.train(t, 0.1, x)
	}
	if got := most.contents(t)["loss scale"].([]float32)[0]; got != 1<<32 {
		t.Errorf("the largest factor is %v", got)
	}
	// It falls to 1 and stays there, and then nothing is an overflow any more.
	for range 20 {
		scaled.train(t, 0.1, []float32{1, 1, 1e18})
	}
	if _, overflow, err := scaled.NonFinite(); err != nil || overflow || scale() != 1 {
		t.Errorf("the factor is %v, overflow %v, %v", scale(), overflow, err)
	}
}
