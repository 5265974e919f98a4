package kernel

import (
	"fmt"
	"math"
	"testing"
)

// Numbers are rounded to the nearest multiple of a 127th of the largest, of two to the even.
func TestQuantize(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		src   []float32
		want  []int8
		scale float32
	}{
		{[]float32{127, -127, 2.5, 3.5, -2.5}, []int8{127, -127, 2, 4, -2, 0, 0, 0}, 1},
		{[]float32{0.5, -0.25, 0.1}, []int8{127, -64, 25, 0}, 0.5 / 127},
		{[]float32{0, 0}, []int8{0, 0, 0, 0}, 0},
		{[]float32{1, inf}, []int8{0, 0, 0, 0}, nan},
		{[]float32{nan, 1}, []int8{0, 0, 0, 0}, nan},
		{[]float32{1e-45, -1e-44}, []int8{0, 0, 0, 0}, 0},
		{[]float32{-math.MaxFloat32, math.MaxFloat32 / 2}, []int8{-127, 64, 0, 0}, math.MaxFloat32 / 127},
	} {
		for _, group := range []int{4, 12} {
			for _, step := range []int{1, 3} {
				src, dst := make([]float32, len(c.src)*step), make([]int8, len(c.want)/4*group)
				for i, x := range c.src {
					src[i*step] = x
				}
				scale := Quantize(len(c.src), &dst[0], group, &src[0], step)
				if scale != c.scale && !(scale != scale && c.scale != c.scale) {
					t.Errorf("%v: scale %g, want %g", c.src, scale, c.scale)
				}
				for p, want := range c.want {
					if got := dst[p/4*group+p%4]; got != want {
						t.Errorf("%v: number %d is %d, want %d", c.src, p, got, want)
					}
				}
			}
		}
	}
}

// Every path has the same sums, with the largest numbers, too.
func TestInt8Row(t *testing.T) {
	for _, path := range Paths() {
		row := Int8(path)
		for _, quads := range []int{0, 1, 2, 7, 100} {
			for _, acc := range []bool{false, true} {
				a, b := make([]int8, 4*quads+1), make([]int8, 4*Int8Columns*quads+1)
				extreme := quads%2 == 0
				draw := func(x []int8) {
					for i := range x {
						x[i] = int8(random.IntN(255) - 127)
						if extreme {
							x[i] = []int8{-127, 127, 0}[random.IntN(3)]
						}
					}
				}
				draw(a)
				draw(b)
				scales, before, scale := randoms(Int8Columns), randoms(Int8Columns), float32(random.Float64())
				got := fieldOf(before, 3)
				row(quads, &a[0], &b[0], &scales[0], scale, got.ptr(), acc)
				got.intact(t)
				want := make([]float32, Int8Columns)
				for j := range want {
					sum := 0
					for p := range 4 * quads {
						sum += int(a[p]) * int(b[p/4*4*Int8Columns+4*j+p%4])
					}
					x := float32(sum) * float32(scale*scales[j])
					if want[j] = x; acc {
						want[j] = before[j] + float32(x)
					}
				}
				same(t, fmt.Sprintf("%s, %d quads, acc %v", path, quads, acc), got.slice(), want)
			}
		}
	}
}
