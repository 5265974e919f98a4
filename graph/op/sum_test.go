package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

// reduction makes the cases of a reduction over several choices of axes: f is the plain formula for the
// elements that become one.
func reduction(name string, method func(b *Builder, x *G.Node, axes ...int) *G.Node, f func(xs []float64) float64) {
	add := func(name string, axes []int, dims [][]int) {
		cases[name] = opCase{
			build: one(func(b *Builder, x *G.Node) *G.Node { return method(b, x, axes...) }),
			want:  func(in []array) array { return reduceArray(in[0], axes, f) },
			at:    shapes(-1, 1, dims...),
			bad:   [][]input{{ints(-9, 9, 2, 3, 4)}},
		}
	}
	add(name, nil, every)
	add(name+" first", []int{0}, [][]int{{3}, {1}, {2, 3}, {4, 1, 2}})
	add(name+" last", []int{-1}, [][]int{{3}, {1}, {2, 3}, {4, 1, 2}, {2, 3, 2, 5}})
	add(name+" middle", []int{1}, [][]int{{2, 3}, {4, 3, 2}, {2, 1, 2, 5}})
	add(name+" two", []int{-1, 0}, [][]int{{2, 3}, {4, 3, 2}, {2, 1, 2, 5}})

	bad := opCase{build: one(func(b *Builder, x *G.Node) *G.Node { return method(b, x, 1, -1) })}
	bad.bad = [][]input{{floats(-1, 1, 2, 3)}, {floats(-1, 1, 2)}, {floats(-1, 1)}}
	cases[name+" along no axis"] = bad
}

// reduceArray puts f of the elements along axes in place of them.
func reduceArray(x array, axes []int, f func(xs []float64) float64) array {
	gone := func(i int) bool {
		return len(axes) == 0 || slices.Contains(axes, i) || slices.Contains(axes, i-len(x.shape))
	}
	var shape []int
	for i, d := range x.shape {
		if !gone(i) {
			shape = append(shape, d)
		}
	}
	return fillArray(shape, func(at []int) float64 {
		var xs []float64
		fillArray(x.shape, func(i []int) float64 {
			var rest []int
			for k := range i {
				if !gone(k) {
					rest = append(rest, i[k])
				}
			}
			if slices.Equal(rest, at) {
				xs = append(xs, x.at(i...))
			}
			return 0
		})
		return f(xs)
	})
}

func init() {
	reduction("Sum", (*Builder).Sum, func(xs []float64) float64 {
		sum := 0.0
		for _, x := range xs {
			sum += x
		}
		return sum
	})
}
