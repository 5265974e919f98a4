package trainer

import (
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// bent is 2·tanh x of a vector, with the derivative of something else: as it is where bend is 0.
type bent struct{ bend float64 }

func (bent) Arity() int { return 1 }
func (bent) Type() hm.Type {
	v := G.TensorType{Dims: 1, Of: hm.TypeVariable('a')}
	return hm.NewFnType(v, v)
}
func (bent) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (bent) Do(in ...G.Value) (G.Value, error) {
	x := in[0].Data().([]float64)
	y := make([]float64, len(x))
	for i := range x {
		y[i] = 2 * math.Tanh(x[i])
	}
	return tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(y)), nil
}
func (bent) ReturnsPtr() bool        { return true }
func (bent) CallsExtern() bool       { return false }
func (bent) OverwritesInput() int    { return -1 }
func (o bent) WriteHash(h hash.Hash) { fmt.Fprint(h, o.String()) }
func (o bent) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}
func (o bent) String() string     { return fmt.Sprintf("Bent by %g", o.bend) }
func (bent) DiffWRT(n int) []bool { return []bool{true} }

// SymDiff: d(2 tanh x) = 2 (1 - tanh² x) dx = (2 - y²/2) dx, and a little more.
func (o bent) SymDiff(in G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	b := op.New(y.Graph())
	d := b.Mul(grad, b.Affine(b.Mul(y, y), -0.5, 2+o.bend))
	return G.Nodes{d}, b.Err()
}

func vector64(b *op.Builder, name string, xs ...float64) *G.Node {
	return G.NewVector(b.Graph(), G.Float64, G.WithShape(len(xs)), G.WithName(name),
		G.WithValue(tensor.New(tensor.WithShape(len(xs)), tensor.WithBacking(xs))))
}

// A derivative that is wrong by one percent is found, in the parameter that it concerns; the right one passes.
func TestCheckGradientsFinds(t *testing.T) {
	for _, bend := range []float64{0, 0.02} {
		b := op.New(G.NewGraph())
		u, v := vector64(b, "u", 0.3, -1, 0.7), vector64(b, "v", 0.2, 0.1, 3)
		y, err := G.ApplyOp(bent{bend}, v)
		if err != nil {
			t.Fatal(err)
		}
		r, err := CheckGradients(b, b.Sum(b.Mul(b.Tanh(u), y)), G.Nodes{u, v}, GradientCheck{})
		if err != nil {
			t.Fatal(err)
		}
		worst := r.Worst()
		if r.Params[0].Relative > 1e-7 || r.Params[0].Param != "u" {
			t.Errorf("bent by %g: of u %v", bend, r.Params[0])
		}
		if bend == 0 && worst.Relative > 1e-7 {
			t.Errorf("a right derivative is taken for wrong: %v", worst)
		}
		// tanh′ is almost 0 at 3, so there the mistake is nearly all of the derivative.
		if bend != 0 && (worst.Param != "v" || !slices.Equal(worst.Element, []int{2}) || worst.Relative < 0.4) {
			t.Errorf("a wrong derivative is not found: %v", r)
		}
		if want := math.Tanh(0.3)*2*math.Tanh(0.2) - math.Tanh(1)*2*math.Tanh(0.1) +
			math.Tanh(0.7)*2*math.Tanh(3); math.Abs(r.Loss-want) > 1e-12 {
			t.Errorf("the loss is %v, want %v", r.Loss, want)
		}
	}
}

// A derivative that is not a number is the worst of all.
func TestCheckGradientsOfNaN(t *testing.T) {
	b := op.New(G.NewGraph())
	w := vector64(b, "w", 1, 0)
	r, err := CheckGradients(b, b.Sum(b.Sqrt(b.Mul(w, w))), G.Nodes{w}, GradientCheck{}) // d√w² = 0/0 at 0
	if err != nil {
		t.Fatal(err)
	}
	if worst := r.Worst(); !math.IsNaN(worst.Relative) || worst.Element[0] != 1 {
		t.Errorf("the worst is %v", worst)
	}
}

// The models' derivatives are right.
func TestCheckGradientsOfModels(t *testing.T) {
	const steps, batch, tokens = 3, 2, 6
	matrix := func(b *op.Builder, data ...int32) *G.Node {
		return G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch),
			G.WithName(fmt.Sprint("tokens", len(b.Graph().AllNodes()))),
			G.WithValue(tensor.New(tensor.WithShape(steps, batch), tensor.WithBacking(data))))
	}
	for _, cell := range models.Cells {
		for _, name := range models.Attentions {
			attention, err := models.AttentionNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			b := op.New(G.NewGraph())
			p := models.NewParams(b, tensor.Float64, 1)
			m, err := models.NewSeq2Seq(p, models.Seq2SeqConfig{
				Source: tokens, Target: tokens, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: cell}, Embed: 3,
				Hidden: 4, Layers: 1,
				Attention: attention, Feeding: true, Smoothing: 0.1,
			})
			if err != nil {
				t.Fatal(err)
			}
			source, target := matrix(b, 4, 5, 5, 3, 3, 0), matrix(b, 5, 4, 3, 4, 0, 3)
			loss := m.Loss(b, m.Predict(b, source, target, models.Teaching{}).Logits, target)
			r, err := CheckGradients(b, loss, p.Nodes(), GradientCheck{Elements: 7})
			if err != nil {
				t.Fatal(err)
			}
			if worst := r.Worst(); !(worst.Relative < 1e-6) || len(r.Params) != len(p.Nodes()) {
				t.Errorf("%s, attention %s: %v", cell, attention, worst)
			}
		}
	}
}

func TestCheckGradientsRefuses(t *testing.T) {
	b := op.New(G.NewGraph())
	w, unused := vector64(b, "w", 1, 2), vector64(b, "unused", 1)
	single := G.NewVector(b.Graph(), G.Float32, G.WithShape(2), G.WithName("single"))
	loss := b.Sum(b.Square(w))
	for want, params := range map[string]G.Nodes{
		"no parameters":                      {},
		"the loss does not depend on unused": {w, unused},
		"float64":                            {w, single},
	} {
		if _, err := CheckGradients(b, loss, params, GradientCheck{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := CheckGradients(b, loss, G.Nodes{w}, GradientCheck{}); err != nil {
		t.Fatal(err)
	}
	if _, err := CheckGradients(b, loss, G.Nodes{w}, GradientCheck{}); err == nil {
		t.Error("a second derivative of a graph is checked, which Gorgonia confuses with the first")
	}
}
