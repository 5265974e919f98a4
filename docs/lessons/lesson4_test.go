package lessons_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// scalarRNN is a recurrent network of single numbers.
type scalarRNN struct {
	b                       *op.Builder
	wxh, whh, bh, why, by   *G.Node
	states, last, out, loss *G.Node
}

func (m *scalarRNN) weights() G.Nodes { return G.Nodes{m.wxh, m.whh, m.bh, m.why, m.by} }

func newScalarRNN(wxh, whh, h0 float32) *scalarRNN {
	b := op.New(G.NewGraph())
	m := &scalarRNN{b: b}
	//lesson:scalar
	Wxh, Whh, bh := scalar(b, "W_xh", wxh), scalar(b, "W_hh", whh), scalar(b, "b_h", 0)
	Why, by := scalar(b, "W_hy", 4), scalar(b, "b_y", 5)
	xs := array(b, "x", []float32{1, 5, 7, 4}, 4)

	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{scalar(b, "h_0", h0)}},
		func(b *op.Builder, in op.In) op.Out {
			x, h := in.Seqs[0], in.States[0]
			h = b.Tanh(b.Add(b.Add(b.Mul(Wxh, x), b.Mul(Whh, h)), bh)) // h' = tanh(W_xh x + W_hh h + b_h)
			return op.Out{States: []*G.Node{h}}
		})
	y := b.Sigmoid(b.Add(b.Mul(Why, run.Final[0]), by)) // y = σ(W_hy h_T + b_y)
	loss := b.Square(b.Sub(y, scalar(b, "target", 15)))
	//lesson:end
	m.wxh, m.whh, m.bh, m.why, m.by = Wxh, Whh, bh, Why, by
	m.states, m.last, m.out, m.loss = run.States[0], run.Final[0], y, loss
	return m
}

func Example_scalar() {
	m := newScalarRNN(-10, 10, -1)
	v := compute(m.b, m.states, m.out, m.loss)
	fmt.Println("h_1 ... h_4 ", v[0])
	fmt.Printf("y            %.4f\n", v[1][0])
	fmt.Printf("(y - 15)²    %.4f\n", v[2][0])
	// Output:
	// h_1 ... h_4  [-1 -1 -1 -1]
	// y            0.7311
	// (y - 15)²    203.6027
}

func Example_gradient() {
	for _, m := range []*scalarRNN{newScalarRNN(-10, 10, -1), newScalarRNN(-0.1, 0.5, -1)} {
		//lesson:gradient
		gradients, err := G.Grad(m.loss, m.weights()...)
		//lesson:end
		check(err)
		values := compute(m.b, append(G.Nodes{m.last}, gradients...)...)
		fmt.Printf("W_xh = %v, W_hh = %v: h_4 = %.4f\n", m.wxh.Value(), m.whh.Value(), values[0][0])
		for i, w := range m.weights() {
			fmt.Printf("  d loss / d %-4s  %8.4f\n", w.Name(), float64(values[i+1][0])+0) // +0: no -0
		}
	}
	// Output:
	// W_xh = -10, W_hh = 10: h_4 = -1.0000
	//   d loss / d W_xh    0.0000
	//   d loss / d W_hh    0.0000
	//   d loss / d b_h     0.0000
	//   d loss / d W_hy    5.6109
	//   d loss / d b_y    -5.6109
	// W_xh = -0.1, W_hh = 0.5: h_4 = -0.6559
	//   d loss / d W_xh  -28.6349
	//   d loss / d W_hh    4.7671
	//   d loss / d b_h    -6.4046
	//   d loss / d W_hy    1.4367
	//   d loss / d b_y    -2.1905
}

// adam makes one step of Adam and gives the weights after it.
func (m *scalarRNN) adam() []float32 {
	//lesson:adam
	step, err := optim.NewStep(m.b, optim.StepConfig{
		Device: ref.New(), Loss: m.loss, Params: m.weights(), Optimizer: optim.DefaultAdam,
	})
	check(err)
	check(step.Set(step.Rate, []float32{0.1}))
	check(step.Run())
	//lesson:end
	defer step.Close()
	after := make([]float32, len(m.weights()))
	for i, w := range m.weights() {
		check(step.Get(w, after[i:i+1]))
	}
	return after
}

func Example_adam() {
	fmt.Println("before         W_xh = -10.0  W_hh = 10.0  b_h = 0.0  W_hy = 4.0  b_y = 5.0")
	w := newScalarRNN(-10, 10, -1).adam()
	fmt.Printf("after one step W_xh = %.1f  W_hh = %.1f  b_h = %.1f  W_hy = %.1f  b_y = %.1f\n", w[0], w[1], w[2], w[3],
		w[4])
	// Output:
	// before         W_xh = -10.0  W_hh = 10.0  b_h = 0.0  W_hy = 4.0  b_y = 5.0
	// after one step W_xh = -10.0  W_hh = 10.0  b_h = 0.0  W_hy = 3.9  b_y = 5.1
}

// One weight is used at every step, so its derivative is a sum over the steps. To see the terms, give every
// step a copy of its own: a sequence of equal weights.
func Example_tied() {
	m := newScalarRNN(-0.1, 0.5, -1)
	tied, err := G.Grad(m.loss, m.whh)
	check(err)

	b := op.New(G.NewGraph())
	copies := array(b, "W_hh by step", []float32{0.5, 0.5, 0.5, 0.5}, 4)
	wxh, why, by := scalar(b, "W_xh", -0.1), scalar(b, "W_hy", 4), scalar(b, "b_y", 5)
	xs := array(b, "x", []float32{1, 5, 7, 4}, 4)
	//lesson:tied
	run := b.Scan(op.Scan{Seqs: []*G.Node{xs, copies}, States: []*G.Node{scalar(b, "h_0", -1)}},
		func(b *op.Builder, in op.In) op.Out {
			x, whh, h := in.Seqs[0], in.Seqs[1], in.States[0] // each step has its own W_hh
			return op.Out{States: []*G.Node{b.Tanh(b.Add(b.Mul(wxh, x), b.Mul(whh, h)))}}
		})
	//lesson:end
	y := b.Sigmoid(b.Add(b.Mul(why, run.Final[0]), by))
	untied, err := G.Grad(b.Square(b.Sub(y, scalar(b, "target", 15))), copies)
	check(err)

	terms := compute(b, untied[0])[0]
	sum := float32(0)
	for t, g := range terms {
		fmt.Printf("step %d  %8.4f\n", t+1, g)
		sum += g
	}
	fmt.Printf("sum     %8.4f\n", sum)
	fmt.Printf("tied    %8.4f\n", compute(m.b, tied[0])[0][0])
	// Output:
	// step 1    0.1049
	// step 2    0.1583
	// step 3    0.6539
	// step 4    3.8500
	// sum       4.7671
	// tied      4.7671
}

// The numbers are PyTorch's: testdata/scalar.py wrote testdata/scalar.txt.
func TestScalarAgreesWithPyTorch(t *testing.T) {
	want := readNumbers(t, "testdata/scalar.txt")
	for _, c := range []struct {
		name         string
		wxh, whh, h0 float32
	}{{"saturated", -10, 10, -1}, {"gentle", -0.1, 0.5, -1}} {
		compare := func(what string, got ...float32) {
			t.Helper()
			for i, w := range want[c.name+"."+what] {
				if d := math.Abs(float64(got[i]) - w); !(d <= 1e-6*math.Max(1, math.Abs(w))) {
					t.Errorf("%s: %s, element %d, is %v; PyTorch has %v", c.name, what, i, got[i], w)
				}
			}
		}
		m := newScalarRNN(c.wxh, c.whh, c.h0)
		v := compute(m.b, m.last, m.out, m.loss)
		compare("h", v[0]...)
		compare("y", v[1]...)
		compare("loss", v[2]...)

		gradients, err := G.Grad(m.loss, m.weights()...)
		if err != nil {
			t.Fatal(err)
		}
		var all []float32
		for _, g := range compute(m.b, gradients...) {
			all = append(all, g...)
		}
		compare("gradients", all...)

		m = newScalarRNN(c.wxh, c.whh, c.h0)
		after := m.adam()
		compare("weights", after...)
		for i, w := range m.weights() {
			if err := G.Let(w, after[i]); err != nil {
				t.Fatal(err)
			}
		}
		compare("loss_after", compute(m.b, m.loss)[0]...)
	}
}

// readNumbers reads lines of a name and numbers.
func readNumbers(t *testing.T, path string) map[string][]float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	numbers := map[string][]float64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		for _, s := range fields[1:] {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			numbers[fields[0]] = append(numbers[fields[0]], x)
		}
	}
	return numbers
}
