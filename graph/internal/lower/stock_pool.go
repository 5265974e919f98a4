package lower

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// dropout lets Gorgonia drop among ones: the mask, of 0 and 1/(1-p), which the derivative needs as well.
func (c call) dropout() *ir.Value {
	mask := c
	mask.in = []*ir.Value{c.Like(1, c.in[0])}
	return c.masked(c.in[0], mask.host())
}

// dropoutDiff is grad where the op has dropped nothing, times the same factor. Gorgonia's has the factor 1/p.
func (c call) dropoutDiff() *ir.Value {
	dropped := c.in[1]
	if dropped.Op != (ir.Elem{Fn: tape.Where, To: dropped.Dtype}) {
		return c.Fail(errors.New("the derivative of a Dropout needs the Dropout itself"))
	}
	return c.masked(c.in[2], dropped.Args[0])
}

func (c call) masked(x, mask *ir.Value) *ir.Value {
	return c.Elem(tape.Where, mask, c.Mul(x, mask), c.Const(0))
}

// Random reports whether a node draws numbers anew whenever it is computed.
func Random(n *G.Node) bool {
	name := stockName(n.Op())
	return name == "dropoutOp" || name == "randomOp"
}

// window is how AveragePool2D goes over images.
type window struct {
	images, rows, cols   int // of the input
	outRows, outCols     int
	height, width        int // of the window
	top, left            int // padding
	rowStride, colStride int
}

func (c call) window(in, out ir.Shape) window {
	w := window{
		images: in[0] * in[1], rows: in[2], cols: in[3], outRows: out[2], outCols: out[3],
		height: c.int("h"), width: c.int("w"), top: c.int("padNorth"), left: c.int("padWest"),
		rowStride: c.int("strideH"), colStride: c.int("strideW"),
	}
	if c.flag("explicitPadding") { // so it is in Gorgonia
		w.top, w.left = c.int("padSouth"), c.int("padEast")
	}
	return w
}

// each calls f with every element of the input that is seen through each element of the output.
func (w window) each(f func(out, in int)) {
	for image := range w.images {
		for r := range w.outRows {
			for c := range w.outCols {
				out := (image*w.outRows+r)*w.outCols + c
				top, left := r*w.rowStride-w.top, c*w.colStride-w.left
				for i := max(top, 0); i < min(top+w.height, w.rows); i++ {
					for j := max(left, 0); j < min(left+w.width, w.cols); j++ {
						f(out, (image*w.rows+i)*w.cols+j)
					}
				}
			}
		}
	}
}

// meanPool is the sum over the window by the window's size, where padding counts as zeros. (Gorgonia divides by the
// width of the image.)
func (c call) meanPool() *ir.Value {
	w := c.window(c.in[0].Shape, c.shape)
	return c.pooled(w, c.in[0], func(to, from int) (int, int) { return to, from })
}

// meanPoolDiff gives each element of the window its part of the gradient. (Gorgonia's lands elsewhere.)
func (c call) meanPoolDiff() *ir.Value {
	w := c.window(c.shape, c.in[2].Shape)
	return c.pooled(w, c.in[2], func(to, from int) (int, int) { return from, to })
}

// pooled adds elements of x, divided by the window's size, to where they go.
func (c call) pooled(w window, x *ir.Value, pair func(out, in int) (to, from int)) *ir.Value {
	run := func(out, in []any) error {
		switch y := out[0].(type) {
		case []float32:
			pool(w, y, in[0].([]float32), pair)
		case []float64:
			pool(w, y, in[0].([]float64), pair)
		}
		return nil
	}
	t := ir.Type{Dtype: x.Dtype, Shape: c.shape}
	return c.New(&ir.Host{Name: "meanPool", ID: int(hosts.Add(1)), Of: t, Fn: run}, x)
}

func pool[T float32 | float64](w window, y, x []T, pair func(out, in int) (to, from int)) {
	clear(y)
	w.each(func(out, in int) {
		to, from := pair(out, in)
		y[to] += x[from]
	})
	for i := range y {
		y[i] /= T(w.height * w.width)
	}
}
