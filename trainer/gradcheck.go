package trainer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/setting"
)

// GradientCheck says how to compare derivatives with finite differences. The zero value is good for most models.
type GradientCheck struct {
	Step     float64 // h, for weights w times max(1, |w|); 0: 3e-4
	Elements int     // of each parameter, at most, evenly spread; 0: all
	Plain    bool    // compute without the optimisation passes
}

// GradientReport is what a comparison has found: of each parameter the element whose derivative is farthest
// from the difference.
type GradientReport struct {
	Loss   float64
	Params []GradientError // in the order in which they were given
}

// GradientError compares the derivative of the loss by an element of a parameter with the central difference.
type GradientError struct {
	Param      string
	Element    []int // indices, one for each axis
	Derivative float64
	Difference float64
	Relative   float64 // the error: see CheckGradients
}

// Worst is the largest error of all.
func (r *GradientReport) Worst() GradientError {
	worst := r.Params[0]
	for _, e := range r.Params {
		if e.worse(worst) {
			worst = e
		}
	}
	return worst
}

// worse says whether e is a larger error than f; one that is not a number is the largest.
func (e GradientError) worse(f GradientError) bool {
	return e.Relative > f.Relative || math.IsNaN(e.Relative) && !math.IsNaN(f.Relative)
}

func (e GradientError) String() string {
	return fmt.Sprintf("%s%v: derivative %.9g, difference %.9g, relative error %.1e", e.Param, e.Element, e.Derivative,
		e.Difference, e.Relative)
}

// String is a line for each parameter.
func (r *GradientReport) String() string {
	var lines []string
	for _, e := range r.Params {
		lines = append(lines, e.String())
	}
	return strings.Join(lines, "\n")
}

// CheckGradients compares the derivative of a loss, as Gorgonia and the operations of the model give it, with
// central differences, on the reference device:
//
//	difference = (8 (loss(w + h) - loss(w - h)) - (loss(w + 2h) - loss(w - 2h))) / 12h
//	error      = |derivative - difference| / max(|derivative|, |difference|, 1e-3 |largest derivative of the parameter|, 1e-5 |loss|)
//
// The difference is exact up to terms of h⁴. The error of a right derivative is below 1e-6, that of a wrong one
// hardly below 1e-2, unless the loss has a kink within 2h of w.
//
// Everything must be float64, which models are whose parameters were declared so. The loss must not have been
// differentiated before. Parameters and all other inputs keep the values that they have (gorgonia.WithValue,
// gorgonia.Let); those without have zeros. What the model draws at random must come from a key that is an
// input, so that it draws the same each time.
func CheckGradients(b *op.Builder, loss *G.Node, params G.Nodes, c GradientCheck) (*GradientReport, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	if len(params) == 0 {
		return nil, errors.New("no parameters to check the derivative of")
	}
	if loss == nil || loss.Dims() != 0 {
		return nil, errors.Errorf("the loss %s is no scalar: take Mean or Sum of it", graph.Describe(loss))
	}
	if err := cmp.Or(setting.AtLeast("Step", c.Step, 0), setting.AtLeast("Elements", c.Elements, 0)); err != nil {
		return nil, err
	}
	for _, n := range append(G.Nodes{loss}, params...) {
		if n == nil {
			return nil, errors.New("a parameter is nil")
		}
		if n.Dtype() != G.Float64 {
			return nil, errors.Errorf("%s is %v: derivatives are checked in float64; declare the model in it",
				graph.Describe(n), n.Dtype())
		}
		if n != loss && n.Deriv() != nil {
			return nil, errors.Errorf("%s has a derivative already; check each loss in a graph of its own", n.Name())
		}
	}
	forward, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: G.Nodes{loss}, Plain: c.Plain})
	if err != nil {
		return nil, err
	}
	defer forward.Close()
	for _, p := range params {
		if !slices.Contains(forward.Inputs(), p) {
			return nil, errors.Errorf("the loss does not depend on %s", p.Name())
		}
	}
	grads, err := G.Grad(loss, params...)
	if err != nil {
		return nil, errors.Wrap(err, "the loss has no derivative")
	}
	backward, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: append(G.Nodes{loss}, grads...),
		Plain: c.Plain})
	if err != nil {
		return nil, err
	}
	defer backward.Close()
	if err := backward.Run(); err != nil {
		return nil, err
	}
	value := make([]float64, 1)
	if err := backward.Get(loss, value); err != nil {
		return nil, err
	}
	r := &GradientReport{Loss: value[0]}
	for i, p := range params {
		derivative := make([]float64, p.Shape().TotalSize())
		if err := backward.Get(grads[i], derivative); err != nil {
			return nil, err
		}
		e, err := c.farthest(forward, loss, p, derivative, r.Loss)
		if err != nil {
			return nil, err
		}
		r.Params = append(r.Params, e)
	}
	return r, nil
}

// farthest finds the element of a parameter with the largest error.
func (c *GradientCheck) farthest(
	forward *graph.Program, loss, p *G.Node, derivative []float64, at float64,
) (worst GradientError, err error) {
	w, value := make([]float64, len(derivative)), make([]float64, 1)
	if err := forward.Get(p, w); err != nil {
		return worst, err
	}
	lossAt := func(i int, x float64) (float64, error) {
		before := w[i]
		w[i] = x
		err := forward.Set(p, w)
		w[i] = before
		if err == nil {
			err = forward.Run()
		}
		if err == nil {
			err = forward.Get(loss, value)
		}
		return value[0], err
	}
	floor := 1e-5 * math.Abs(at)
	for _, d := range derivative {
		if d == d {
			floor = max(floor, 1e-3*math.Abs(d))
		}
	}
	step := cmp.Or(c.Step, 3e-4)
	n := len(w)
	if c.Elements > 0 {
		n = min(n, c.Elements)
	}
	worst.Relative = -1
	for k := range n {
		i := k * len(w) / n
		h := step * max(1, math.Abs(w[i]))
		e := GradientError{Param: p.Name(), Derivative: derivative[i]}
		for _, term := range []struct{ at, weight float64 }{{1, 8}, {-1, -8}, {2, -1}, {-2, 1}} {
			l, err := lossAt(i, w[i]+term.at*h)
			if err != nil {
				return worst, err
			}
			e.Difference += term.weight * l / (12 * h)
		}
		if size := max(math.Abs(e.Derivative), math.Abs(e.Difference), floor); size != 0 {
			e.Relative = math.Abs(e.Derivative-e.Difference) / size
		}
		if e.worse(worst) {
			e.Element = indices(i, p.Shape())
			worst = e
		}
	}
	return worst, forward.Set(p, w)
}

// indices are those of the i-th element of a shape, row-major.
func indices(i int, shape []int) []int {
	at := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		at[k], i = i%shape[k], i/shape[k]
	}
	return at
}
