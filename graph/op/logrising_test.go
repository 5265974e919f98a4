package op

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// logRising is the value by Go's own logarithm of the gamma function.
func logRising(x, k float64) float64 {
	of, _ := math.Lgamma(x)
	to, _ := math.Lgamma(x + k)
	return to - of
}

func init() {
	cases["LogRising"] = binary((*Builder).LogRising, logRising, 0.3, 12)
	cases["LogRising of little"] = binary((*Builder).LogRising, logRising, 0.01, 0.2)
}

// The digits that two large logarithms of gamma functions would lose are kept, and so are those of the derivative.
// What is wanted is from sums of logarithms, and of 1/(x+i) for the derivative by x, which are exact for whole k.
func TestLogRisingKeepsItsDigits(t *testing.T) {
	x := array{[]int{7}, []float64{1e-3, 0.5, 2, 7.9, 300, 1e5, 1e7}}
	k := array{[]int{7}, []float64{3, 20, 1, 40, 2, 5, 7}}
	value, slope := zeros(7), zeros(7)
	for i := range x.data {
		for j := range int(k.data[i]) {
			value.data[i] += math.Log(float64(float32(x.data[i])) + float64(j))
			slope.data[i] += 1 / (float64(float32(x.data[i])) + float64(j))
		}
	}
	b, in := inputs(tape.Float32, []input{floats(0, 1, 7), floats(0, 1, 7)})
	y := b.LogRising(in[0], in[1])
	grads, err := G.Grad(b.Sum(y), in[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		got := w.compute(t, tape.Float32, in, []array{x, k}, y, grads[0])
		near(t, w.name, got[0], value, 1e-6)
		for i, want := range slope.data {
			if d := got[1].data[i]; math.Abs(d-want) > 2e-5*want {
				t.Errorf("%s: the derivative at %g and %g is %g, want %g", w.name, x.data[i], k.data[i], d, want)
			}
		}
	}
}
