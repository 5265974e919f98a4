package export_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
)

// write exports what declare declares, and runs it.
func write(t *testing.T, in map[string]*onnxtest.Tensor, declare func(m m)) map[string]*onnxtest.Tensor {
	t.Helper()
	var file bytes.Buffer
	if _, err := export.Write(&file, export.Options{Name: "test"}, func(m m) error {
		declare(m)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	out, err := onnxtest.Run(file.Bytes(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func floats(xs ...float32) []float32 { return xs }

type (
	m = *export.Model
	n = *G.Node
)

// TestOperations computes every operation that models are made of on a batch of 2, by hand.
func TestOperations(t *testing.T) {
	x := onnxtest.Floats(floats(1, -2, 3, -4, 0.5, 0), 2, 3)
	of := func(f func(x float64) float64) []float64 {
		y := make([]float64, len(x.Data))
		for i, v := range x.Data {
			y[i] = f(v)
		}
		return y
	}
	for name, c := range map[string]struct {
		f    func(m m, x n) n
		want []float64
	}{
		"Neg":     {func(m m, x n) n { return m.Neg(x) }, of(func(x float64) float64 { return -x })},
		"Abs":     {func(m m, x n) n { return m.Abs(x) }, of(math.Abs)},
		"Sign":    {func(m m, x n) n { return m.Sign(x) }, []float64{1, -1, 1, -1, 1, 0}},
		"Floor":   {func(m m, x n) n { return m.Floor(x) }, of(math.Floor)},
		"Exp":     {func(m m, x n) n { return m.Exp(x) }, of(math.Exp)},
		"Expm1":   {func(m m, x n) n { return m.Expm1(x) }, of(math.Expm1)},
		"Log1p":   {func(m m, x n) n { return m.Log1p(m.Abs(x)) }, of(func(x float64) float64 { return math.Log1p(math.Abs(x)) })},
		"Sqrt":    {func(m m, x n) n { return m.Sqrt(m.Abs(x)) }, of(func(x float64) float64 { return math.Sqrt(math.Abs(x)) })},
		"Sin":     {func(m m, x n) n { return m.Sin(x) }, of(math.Sin)},
		"Cos":     {func(m m, x n) n { return m.Cos(x) }, of(math.Cos)},
		"Pow":     {func(m m, x n) n { return m.Pow(m.Exp(x), x) }, of(func(x float64) float64 { return math.Exp(x * x) })},
		"ReLU":    {func(m m, x n) n { return m.ReLU(x) }, of(func(x float64) float64 { return max(x, 0) })},
		"Min":     {func(m m, x n) n { return m.Min(x, m.Neg(x)) }, of(func(x float64) float64 { return -math.Abs(x) })},
		"Affine":  {func(m m, x n) n { return m.Affine(x, -2, 0.5) }, of(func(x float64) float64 { return 0.5 - 2*x })},
		"Le":      {func(m m, x n) n { return m.Le(x, m.Fill(x, 0.5)) }, []float64{0, 1, 0, 1, 1, 1}},
		"Ne":      {func(m m, x n) n { return m.Ne(x, m.Fill(x, 0.5)) }, []float64{1, 1, 1, 1, 0, 1}},
		"Where":   {func(m m, x n) n { return m.Where(x, m.Fill(x, 2), m.Fill(x, 3)) }, []float64{2, 2, 2, 2, 2, 3}},
		"Cast":    {func(m m, x n) n { return m.Cast(m.Cast(m.Affine(x, 0.5, 0), m.Argmax(x)), x) }, []float64{0, -1, 1, -2, 0, 0}},
		"Iota":    {func(m m, x n) n { return m.Add(x, m.Iota(x, 0, x.Shape()[0], 1)) }, []float64{1, -2, 3, -3, 1.5, 1}},
		"Sum":     {func(m m, x n) n { return m.Sum(x, 0) }, []float64{-3, -1.5, 3}},
		"Largest": {func(m m, x n) n { return m.MaxOver(x, 0) }, []float64{1, 0.5, 3}},
		"Mean":    {func(m m, x n) n { return m.Affine(m.Mean(x, -1), 3, 0) }, []float64{2, -3.5}},
		"Pad":     {func(m m, x n) n { return m.Pad(x, 0, 0, 1) }, []float64{1, -2, 3, -4, 0.5, 0, 0, 0, 0}},
		"Slice":   {func(m m, x n) n { return m.Slice(x, 0, 1, x.Shape()[0]) }, []float64{-4, 0.5, 0}},
		"Flat":    {func(m m, x n) n { return m.Slice(m.Reshape(x, -1), 0, 0, 3*x.Shape()[0]-1) }, []float64{1, -2, 3, -4, 0.5}},
		"Product": {func(m m, x n) n { return m.Product(x, x, op.TransY) }, []float64{14, -5, -5, 16.25}},
		"Inner":   {func(m m, x n) n { return m.Product(x, x, op.TransX) }, []float64{17, -4, 3, -4, 4.25, -6, 3, -6, 9}},
		"Outer":   {func(m m, x n) n { return m.Product(m.Expand(x, 2), m.Expand(x, 2), op.TransX) }, []float64{14, 16.25}},
		"Argmax":  {func(m m, x n) n { return m.Argmax(x) }, []float64{2, 1}},
		"Spread":  {func(m m, x n) n { return m.Broadcast(m.Slice(x, 0, 0, 1), x.Shape()...) }, []float64{1, -2, 3, 1, -2, 3}},
		"OneHot":  {func(m m, x n) n { return m.OneHot(m.Argmax(x), 3, x) }, []float64{0, 0, 1, 0, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			out := write(t, map[string]*onnxtest.Tensor{"x": x}, func(m m) {
				m.Output("y", c.f(m, m.Input("x", tensor.Float32, m.Size("batch"), 3)))
			})
			if len(out["y"].Data) != len(c.want) {
				t.Fatalf("got %v, want %v", out["y"].Data, c.want)
			}
			for i, y := range out["y"].Data {
				if math.Abs(y-c.want[i]) > 2e-7*max(1, math.Abs(c.want[i])) {
					t.Fatalf("got %v, want %v", out["y"].Data, c.want)
				}
			}
		})
	}
}

// TestScan: sums from both ends, of sequences of any length, with a nested scan, and an outside value that
// stays outside.
func TestScan(t *testing.T) {
	for _, steps := range []int{1, 4} {
		var data []float32
		for s := range steps {
			data = append(data, float32(s+1))
		}
		out := write(t, map[string]*onnxtest.Tensor{"x": onnxtest.Floats(data, steps, 1)}, func(m m) {
			x := m.Input("x", tensor.Float32, m.Size("time"), 1)
			all := m.Sum(x, 0)
			for _, back := range []bool{false, true} {
				run := m.Builder.Scan(op.Scan{Seqs: []*G.Node{x}, States: []*G.Node{m.Fill(x, 0, 1)}, Reverse: back},
					func(b *op.Builder, in op.In) op.Out {
						h := b.Add(in.States[0], in.Seqs[0])
						inner := b.Scan(op.Scan{Seqs: []*G.Node{x}, States: []*G.Node{h}}, func(b *op.Builder, in op.In) op.Out {
							return op.Out{States: []*G.Node{b.Add(in.States[0], b.Exp(all))}}
						})
						return op.Out{States: []*G.Node{h}, Outs: []*G.Node{b.Sub(inner.Final[0], h), in.Seqs[0]}}
					})
				name := map[bool]string{false: "forward", true: "back"}[back]
				m.Output(name, run.States[0])
				m.Output(name+"_outs", run.Outs[0])
				m.Output(name+"_same", run.Outs[1])
			}
		})
		sum, total := 0.0, float64(steps*(steps+1)/2)
		for s := range steps {
			sum += float64(s + 1)
			for name, want := range map[string]float64{
				"forward": sum, "back": total - sum + float64(s+1), "forward_same": float64(s + 1), "back_same": float64(s + 1),
				"forward_outs": float64(steps) * math.Exp(total),
			} {
				if got := out[name].Data[s]; math.Abs(got-want) > 1e-9*want {
					t.Errorf("%d steps, %s of step %d is %g, want %g", steps, name, s, got, want)
				}
			}
		}
	}
}

// TestTwoSizes: of a dimension that is a little more than one size, it is seen which.
func TestTwoSizes(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6}
	out := write(t, map[string]*onnxtest.Tensor{"x": onnxtest.Floats(x, 2, 3)}, func(m m) {
		x := m.Input("x", tensor.Float32, m.Size("time"), m.Size("batch"))
		m.Output("longer", m.Sum(m.Broadcast(m.Slice(m.Pad(x, 0, 1, 1), 0, 1, 2), m.Size("time")+2, m.Size("batch")), 0))
		m.Output("wider", m.Sum(m.Broadcast(m.Fill(x, 1, 1, 1), m.Size("time"), 2*m.Size("batch")+1), 1))
	})
	if !slices.Equal(out["longer"].Data, []float64{4, 8, 12}) || !slices.Equal(out["wider"].Data, []float64{7, 7}) {
		t.Errorf("got %v and %v", out["longer"], out["wider"])
	}
}

// TestHoisted: what does not depend on a step stands before the loop.
func TestHoisted(t *testing.T) {
	var file bytes.Buffer
	_, err := export.Write(&file, export.Options{}, func(m m) error {
		x := m.Input("x", tensor.Float32, m.Size("time"), 2)
		run := m.Builder.Scan(op.Scan{Seqs: []*G.Node{x}, States: []*G.Node{m.Fill(x, 0, 2)}},
			func(b *op.Builder, in op.In) op.Out {
				return op.Out{States: []*G.Node{b.Add(in.States[0], b.Tanh(b.Sum(x, 0)))}}
			})
		m.Output("y", run.Final[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	model, err := onnxtest.Decode(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range model.Graph.Nodes {
		ops = append(ops, n.Op)
	}
	if got := strings.Join(ops, " "); !strings.Contains(got, "ReduceSum Tanh Scan") {
		t.Errorf("the main graph is %s", got)
	}
}

// TestWhile counts down from a number, at most so many steps: rows end at different ones.
func TestWhile(t *testing.T) {
	for most, want := range map[int32][]float64{9: {2, 4, 1, 3, 0, 2, -1, 1, -2, 0}, 2: {2, 4, 1, 3}} {
		out := write(t, map[string]*onnxtest.Tensor{"x": onnxtest.Floats(floats(3, 5), 2),
			"most": onnxtest.Int(most)}, func(m m) {
			x := m.Input("x", tensor.Float32, m.Size("batch"))
			outs, last := m.While(export.While{
				Name: "down", Most: m.Input("most", tensor.Int32), States: []*G.Node{x},
				Step: func(s []*G.Node) export.WhileStep {
					h := m.Affine(s[0], 1, -1)
					return export.WhileStep{States: []*G.Node{h}, Outs: []*G.Node{h}, More: m.Lt(m.Fill(x, 0), m.MaxOver(h, 0))}
				},
			}, m.Size("steps"))
			m.Output("all", outs[0])
			m.Output("last", last[0])
		})
		steps := len(want) / 2
		if !slices.Equal(out["all"].Data, want) || !slices.Equal(out["all"].Dims, []int{steps, 2}) ||
			!slices.Equal(out["last"].Data, want[len(want)-2:]) {
			t.Errorf("most %d: got %v and %v, want %v", most, out["all"], out["last"], want)
		}
	}
}

// TestRefuse: each in one line, and nothing is written.
func TestRefuse(t *testing.T) {
	vector := func(m m) *G.Node { return m.Input("x", tensor.Float32, m.Size("batch"), 3) }
	for what, c := range map[string]struct {
		declare func(m m)
		want    string
	}{
		"no output": {func(m m) { vector(m) }, "exporting: the model has no output"},
		"a mean over the batch": {func(m m) { m.Output("y", m.Mean(vector(m), 0)) },
			"the model computes with a size that its callers choose"},
		"a size that no input has": {func(m m) { m.Output("y", m.Fill(vector(m), 1, m.Size("length"))) },
			"the size length is computed with, and no input has it as a dimension"},
		"an input that is not declared": {func(m m) {
			m.Output("y", m.Tanh(G.NewVector(m.Graph(), tensor.Float32, G.WithShape(3), G.WithName("z"))))
		}, "z[3]: it is an input that was not given"},
		"float64":        {func(m m) { m.Output("y", m.Input("x", tensor.Float64, 3)) }, "models have float32 and int32"},
		"random numbers": {func(m m) { m.Output("y", m.Uniform(m.Input("key", tensor.Int32, 4), vector(m), 3)) }, "random numbers"},
		"a loss":         {func(m m) { x := vector(m); m.Output("y", m.CrossEntropy(x, m.Argmax(x), nil, 0)) }, "an operation of training"},
		"a weight":       {func(m m) { m.Weight(vector(m), floats(1)) }, "the weight x of type float32"},
		"too many sizes": {func(m m) {
			for _, s := range "abcde" {
				m.Size(string(s))
			}
		}, "at most 4 different ones"},
		"a nil output":    {func(m m) { m.Output("y", nil) }, `the output "y": it needs a name and a node`},
		"a builder error": {func(m m) { m.Output("y", m.Add(vector(m), nil)) }, "input 1 is nil"},
		"a while without a step": {func(m m) { m.While(export.While{Name: "w"}, 1); m.Output("y", vector(m)) },
			`the loop "w" needs a step`},
		"a value of a step outside": {func(m m) {
			x := vector(m)
			var inside *G.Node
			m.While(export.While{Name: "w", Most: m.Input("most", tensor.Int32), States: []*G.Node{x},
				Step: func(s []*G.Node) export.WhileStep {
					inside = m.Tanh(s[0])
					return export.WhileStep{States: s, More: m.Sum(x)}
				}}, m.Size("steps"))
			m.Output("y", inside)
		}, "the output y is a value of a step of a loop"},
	} {
		t.Run(what, func(t *testing.T) {
			var file bytes.Buffer
			_, err := export.Write(&file, export.Options{}, func(m m) error { c.declare(m); return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || file.Len() > 0 {
				t.Errorf("%v with %d bytes, want %q", err, file.Len(), c.want)
			}
		})
	}
	if _, err := export.Write(nil, export.Options{}, nil); err == nil {
		t.Error("nil is taken")
	}
}
