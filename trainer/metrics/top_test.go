package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

func TestInTop(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		scores   []float32
		class, k int
		want     bool
	}{
		{[]float32{1, 3, 2}, 1, 1, true},
		{[]float32{1, 3, 2}, 2, 1, false},
		{[]float32{1, 3, 2}, 2, 2, true},
		{[]float32{0, 0, 0}, 0, 1, true}, // of equals the first
		{[]float32{0, 0, 0}, 1, 1, false},
		{[]float32{0, 0, 0}, 1, 2, true},
		{[]float32{0, 0, 0}, 2, 2, false},
		{[]float32{5, nan}, 0, 1, false},
		{[]float32{5, nan}, 1, 2, false},
		{[]float32{nan}, 0, 2, false},
		{[]float32{5, inf}, 1, 1, false},
		{[]float32{5, -inf}, 0, 1, false},
	} {
		if got := metrics.InTop(c.scores, c.class, c.k); got != c.want {
			t.Errorf("%v: class %d in the top %d: %v", c.scores, c.class, c.k, got)
		}
	}
	// A model without an opinion is right for one of K classes, if there are as many examples of each.
	constant, classes := make([][]float32, 5), make([]int32, 5)
	for i := range constant {
		constant[i], classes[i] = make([]float32, 5), int32(i)
	}
	if one, two := metrics.TopK(constant, classes, 1), metrics.TopK(constant, classes, 2); one != 0.2 || two != 0.4 {
		t.Errorf("constant scores: accuracy %g and top 2 %g of five classes", one, two)
	}
}

// The graph counts what InTop counts, with equal scores and ones that are not finite.
func TestTops(t *testing.T) {
	const steps, batch, n = 40, 5, 4
	for _, device := range []tape.Device{ref.New(), cpu.New()} {
		b := op.New(G.NewGraph())
		scores := G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(steps, batch, n), G.WithName("scores"))
		classes := G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName("classes"))
		tops := metrics.Tops(b, scores, classes, 1, 2)
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		p, err := graph.Compile(graph.Config{Device: device, Outputs: tops})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		random := rand.New(rand.NewPCG(1, 2))
		values, labels := make([]float32, steps*batch*n), make([]int32, steps*batch)
		odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32}
		for i := range values {
			if values[i] = float32(random.IntN(3)); random.IntN(20) == 0 {
				values[i] = odd[random.IntN(len(odd))]
			}
		}
		for i := range labels {
			labels[i] = int32(random.IntN(n))
		}
		if err := p.Set(scores, values); err != nil {
			t.Fatal(err)
		}
		if err := p.Set(classes, labels); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		for k, top := range tops {
			got := make([]float32, steps*batch)
			if err := p.Get(top, got); err != nil {
				t.Fatal(err)
			}
			hits := 0
			for i, class := range labels {
				row := values[i*n:][:n]
				want := metrics.InTop(row, int(class), k+1)
				if (got[i] == 1) != want || got[i] != 0 && got[i] != 1 {
					t.Errorf("%s: %v: class %d in the top %d: %g, want %v", device.Name(), row, class, k+1, got[i], want)
				}
				if want {
					hits++
				}
			}
			if hits == 0 || hits == len(labels) {
				t.Errorf("%d hits of %d", hits, len(labels))
			}
		}
	}
}
