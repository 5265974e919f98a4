package op

import (
	"slices"

	G "gorgonia.org/gorgonia"
)

func init() {
	two := func(name string, at, bad [][]input, trans ...Trans) {
		cases[name] = opCase{
			build: func(b *Builder, in []*G.Node) *G.Node { return b.Product(in[0], in[1], trans...) },
			want: func(in []array) array {
				return matrixProduct(in[0], in[1], slices.Contains(trans, TransX), slices.Contains(trans, TransY))
			},
			at:  at,
			bad: bad,
		}
	}
	pair := func(x, y []int) []input { return []input{floats(-1, 1, x...), floats(-1, 1, y...)} }
	two("Product", [][]input{
		pair([]int{2, 3}, []int{3, 4}), pair([]int{1, 1}, []int{1, 1}), pair([]int{1, 5}, []int{5, 1}),
		pair([]int{5, 1}, []int{1, 3}),
		pair([]int{3}, []int{3, 2}), pair([]int{2, 1, 3}, []int{3, 2}), pair([]int{2, 3, 1, 4}, []int{4, 1}),
		pair([]int{2, 3, 4}, []int{2, 4, 5}), pair([]int{1, 2, 3}, []int{1, 3, 2}),
		pair([]int{2, 3, 1, 4}, []int{2, 3, 4, 2}),
	}, [][]input{
		pair([]int{2, 3}, []int{4, 5}), pair([]int{2, 3, 4}, []int{3, 4, 5}), pair([]int{2, 3}, []int{3}),
		pair(nil, []int{1, 1}),
		pair([]int{2, 3}, []int{2, 3, 4}), {ints(0, 1, 2, 2), ints(0, 1, 2, 2)},
	})
	two("Product TransX", [][]input{
		pair([]int{3, 2}, []int{3, 4}), pair([]int{5, 1}, []int{5, 1}), pair([]int{2, 4, 3}, []int{2, 4, 5}),
		pair([]int{2, 3, 4, 1}, []int{2, 3, 4, 2}),
	}, [][]input{pair([]int{2, 3}, []int{3, 4}), pair([]int{2, 4, 3}, []int{4, 5})}, TransX)
	two("Product TransY", [][]input{
		pair([]int{2, 3}, []int{4, 3}), pair([]int{1, 5}, []int{1, 5}), pair([]int{3}, []int{2, 3}),
		pair([]int{2, 1, 3}, []int{2, 3}),
		pair([]int{2, 3, 4}, []int{2, 5, 4}), pair([]int{2, 3, 1, 4}, []int{2, 3, 2, 4}),
	}, [][]input{pair([]int{2, 3}, []int{3, 4}), pair([]int{2, 3, 4}, []int{2, 4, 5})}, TransY)
	two("Product TransX TransY", [][]input{
		pair([]int{3, 2}, []int{4, 3}), pair([]int{1, 5}, []int{2, 1}), pair([]int{2, 4, 3}, []int{2, 5, 4}),
	}, [][]input{pair([]int{2, 3}, []int{3, 4})}, TransX, TransY)
}

// matrixProduct is the product over the last two dimensions; one matrix y serves all rows of x.
func matrixProduct(x, y array, transX, transY bool) array {
	rx, ry := len(x.shape), len(y.shape)
	swapped := func(i []int, swap bool) []int {
		if n := len(i); swap {
			i[n-1], i[n-2] = i[n-2], i[n-1]
		}
		return i
	}
	sx, sy := swapped(slices.Clone(x.shape), transX), swapped(slices.Clone(y.shape), transY)
	shape := append(sx[:rx-1:rx-1], sy[ry-1])
	return fillArray(shape, func(i []int) float64 {
		sum := 0.0
		for k := range sx[rx-1] {
			ix := append(slices.Clone(i[:rx-1]), k)
			iy := []int{k, i[rx-1]}
			if rx == ry {
				iy = append(slices.Clone(i[:rx-2]), iy...)
			}
			sum += x.at(swapped(ix, transX)...) * y.at(swapped(iy, transY)...)
		}
		return sum
	})
}
