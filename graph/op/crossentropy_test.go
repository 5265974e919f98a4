package op

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// smoothed is q_j = (1-ε)[j = target] + ε/V.
func smoothed(target float64, columns int, smoothing float64) []float64 {
	q := make([]float64, columns)
	for j := range q {
		q[j] = smoothing / float64(columns)
	}
	q[int(target)] += 1 - smoothing
	return q
}

// eachRow calls f with each row of logits, and the elements of the other inputs that belong to it.
func eachRow(in []array, f func(row int, x, others []float64)) {
	n := in[0].shape[len(in[0].shape)-1]
	for r := range len(in[0].data) / n {
		var others []float64
		for _, a := range in[1:] {
			others = append(others, a.data[r])
		}
		f(r, in[0].data[r*n:(r+1)*n], others)
	}
}

func init() {
	for name, smoothing := range map[string]float64{
		"CrossEntropy":          0,
		"CrossEntropy smoothed": 0.2,
		"CrossEntropy of all":   1,
	} {
		c := opCase{
			build: func(b *Builder, in []*G.Node) *G.Node {
				if len(in) == 2 {
					return b.CrossEntropy(in[0], in[1], nil, smoothing)
				}
				return b.CrossEntropy(in[0], in[1], in[2], smoothing)
			},
			want: func(in []array) array {
				loss := zeros(in[1].shape...)
				eachRow(in, func(r int, x, others []float64) {
					q, p := smoothed(others[0], len(x), smoothing), softmaxOf(x)
					for j := range x {
						loss.data[r] -= q[j] * math.Log(p[j])
					}
					if len(others) > 1 {
						loss.data[r] *= others[1]
					}
				})
				return loss
			},
			at: [][]input{
				{floats(-2, 2, 5), ints(0, 4)},
				{floats(-2, 2, 3, 4), ints(0, 3, 3)},
				{floats(-2, 2, 2, 3, 1), ints(0, 0, 2, 3)},
				{floats(-2, 2, 2, 3, 4), ints(0, 3, 2, 3)},
				{floats(-2, 2, 5), ints(0, 4), whole(1, 1)},
				{floats(-2, 2, 6, 4), ints(0, 3, 6), whole(0, 1, 6)},
				{floats(-2, 2, 2, 3, 4), ints(0, 3, 2, 3), floats(0, 2, 2, 3)},
				{floats(-2, 2, 2, 3, 4), ints(0, 3, 2, 3), ints(0, 1, 2, 3)},
			},
			bad: [][]input{
				{floats(-2, 2, 3, 4), ints(0, 3, 4)}, {floats(-2, 2), ints(0, 3)}, {floats(-2, 2, 3, 4), floats(0, 3, 3)},
				{floats(-2, 2, 3, 4), ints(0, 3, 3), whole(0, 1, 2)},
			},
			constant: []int{2},
		}
		cases[name] = c
	}
	cases["CrossEntropy smoothed too much"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.CrossEntropy(in[0], in[1], nil, 1.5) },
		bad:   [][]input{{floats(-2, 2, 3, 4), ints(0, 3, 3)}},
	}
}

// What is masked out may hold anything: its loss and its gradient are 0.
func TestCrossEntropyShutsOutWhatIsMasked(t *testing.T) {
	b, in := inputs(tape.Float32, []input{floats(0, 0, 2, 3), ints(0, 0, 2), ints(0, 0, 2)})
	values := []array{
		{[]int{2, 3}, []float64{math.NaN(), math.Inf(1), 0, 0, 0, 0}},
		{[]int{2}, []float64{-1, 2}},
		{[]int{2}, []float64{0, 1}},
	}
	loss := b.CrossEntropy(in[0], in[1], in[2], 0)
	gs, err := G.Grad(b.Sum(loss), in[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		got := w.compute(t, tape.Float32, in, values, loss, gs[0])
		near(t, "loss", got[0], array{[]int{2}, []float64{0, math.Log(3)}}, 1e-6)
		near(t, "gradient", got[1], array{[]int{2, 3}, []float64{0, 0, 0, 1. / 3, 1. / 3, -2. / 3}}, 1e-6)
	}
}
