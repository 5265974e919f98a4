package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// align gives elementwise functions that feed each other one shape, so that fuse can make one value of them:
//
//	g(reshape(f(x, y)))    =  g(f(reshape(x), reshape(y)))      if reshape(x) and reshape(y) are only views
//	g(a·b)                 =  g(a * b)                          for a column a and a row b, broadcast
//
// The second is the derivative of a product with a vector: as a product, it would be stored.
func align(f *ir.Func) (*ir.Func, error) {
	for {
		g, err := alignOnce(f)
		if err != nil || g == f {
			return g, err
		}
		f = g // one function further
	}
}

func alignOnce(f *ir.Func) (*ir.Func, error) {
	read := map[*ir.Value][]*ir.Value{}
	for _, v := range f.Values() {
		for _, a := range v.Args {
			read[a] = append(read[a], v)
		}
	}
	result := map[*ir.Value]bool{}
	for _, r := range f.Results {
		result[r] = true
	}
	a := aligner{read, result}
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		c := folder{b}
		switch op := v.Op.(type) {
		case ir.Reshape:
			x := v.Args[0]
			if isElem(x) && a.onlyReader(x, v) && a.elementwise(v) && canReshape(x, op.Shape) {
				return c.reshaped(args[0], op)
			}
		case ir.Product:
			if a.elementwise(v) && !result[v] {
				return c.outer(op, args[0], args[1])
			}
		}
		return nil
	})
}

type aligner struct {
	read   map[*ir.Value][]*ir.Value
	result map[*ir.Value]bool
}

// onlyReader reports whether nothing but v reads x.
func (a aligner) onlyReader(x, v *ir.Value) bool {
	return len(a.read[x]) == 1 && !a.result[x]
}

// elementwise reports whether elementwise functions alone read v, in its shape or reshaped.
func (a aligner) elementwise(v *ir.Value) bool {
	for _, u := range a.read[v] {
		if _, ok := u.Op.(ir.Reshape); !isElem(u) && !(ok && !a.result[u] && a.elementwise(u)) {
			return false
		}
	}
	return len(a.read[v]) > 0
}

// canReshape reports whether the arguments of the elementwise x, reshaped, can be read where they lie.
func canReshape(x *ir.Value, to ir.Shape) bool {
	for _, a := range x.Args {
		for {
			if _, ok := a.Op.(ir.Reshape); !ok {
				break
			}
			a = a.Args[0]
		}
		if a.Shape.Equal(to) {
			continue
		}
		switch a.Op.(type) {
		case ir.Broadcast:
			if _, ok := unrepeated(a.Args[0].Shape, a.Shape, to); !ok {
				return false
			}
		case ir.Transpose, ir.Slice, ir.Iota:
			return false
		}
	}
	return true
}

// reshaped is the elementwise x, computed in another shape.
func (c folder) reshaped(x *ir.Value, op ir.Reshape) *ir.Value {
	if !isElem(x) {
		return c.make(op, x)
	}
	args := make([]*ir.Value, len(x.Args))
	for i, a := range x.Args {
		args[i] = c.make(op, a)
	}
	return c.make(x.Op, args...)
}

// outer is the product of a column and a row as an elementwise one, or nil.
func (c folder) outer(op ir.Product, x, y *ir.Value) *ir.Value {
	r := len(x.Shape)
	summed, kept := sides(op, r)
	if x.Shape[summed[0]] != 1 {
		return nil
	}
	column, row := append(ir.Shape{}, x.Shape[:r-2]...), append(ir.Shape{}, x.Shape[:r-2]...)
	column = append(column, x.Shape[kept[0]], 1)
	row = append(row, 1, y.Shape[kept[1]])
	to := append(append(ir.Shape{}, column[:r-1]...), row[r-1])
	repeat := func(v *ir.Value, s ir.Shape) *ir.Value {
		return c.make(ir.Broadcast{Shape: to}, c.make(ir.Reshape{Shape: s}, v))
	}
	return c.make(ir.Elem{Fn: tape.Mul, To: x.Dtype}, repeat(x, column), repeat(y, row))
}
