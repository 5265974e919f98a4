package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// maxLen is beyond every unroll and every remainder of a vector.
const maxLen = 131

// guard surrounds what a kernel may write.
const guard = 40

var random = rand.New(rand.NewPCG(1, 2))

func randoms(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// field is n numbers at an offset in memory that is guarded by NaNs of a certain pattern.
type field struct {
	all []float32
	off int
	n   int
}

const guardBits = 0x7fc0beef

func newField(n, off int) field {
	f := field{make([]float32, guard+off+n+guard), guard + off, n}
	for i := range f.all {
		f.all[i] = math.Float32frombits(guardBits)
	}
	return f
}

func fieldOf(x []float32, off int) field {
	f := newField(len(x), off)
	copy(f.slice(), x)
	return f
}

func (f field) slice() []float32 { return f.all[f.off:][:f.n] }
func (f field) ptr() *float32    { return &f.all[f.off] }

func (f field) intact(t *testing.T) {
	t.Helper()
	for i, x := range f.all {
		if (i < f.off || i >= f.off+f.n) && math.Float32bits(x) != guardBits {
			t.Fatalf("element %d was written, of %d that begin at 0", i-f.off, f.n)
		}
	}
}

// eachPath runs f for the kernels of each path.
func eachPath(t *testing.T, f func(t *testing.T, s *Set[float32])) {
	for _, p := range Paths() {
		t.Run(p, func(t *testing.T) { f(t, Float32(p)) })
	}
}

// near is equality up to a relative error, or the smallest normal number.
func near(got float32, want, tol float64) bool {
	g := float64(got)
	switch {
	case want != want:
		return g != g
	case math.IsInf(float64(float32(want)), 0):
		return g == float64(float32(want))
	}
	return math.Abs(g-want) <= tol*math.Abs(want)+0x1p-126
}

// exactFns are those that are rounded correctly on every path.
var exactFns = []tape.Fn{tape.Id, tape.Neg, tape.Abs, tape.Sign, tape.Floor, tape.Ceil, tape.Sqrt, tape.Add, tape.Sub,
	tape.Mul, tape.Div, tape.Max,
	tape.Min, tape.Lt, tape.Le, tape.Eq, tape.Ne, tape.Where}

// inputs are numbers of every kind that a function may meet: ordinary, extreme, special, and the neighbourhoods
// of its corners.
func inputs() (x []float32) {
	for _, v := range []float64{0, 1e-45, 1e-40, 0x1p-126, 1e-30, 1e-10, 1e-5, 1e-3, 0.1, 0.25, 0.5, 0.7, math.Sqrt2 / 2,
		0.9, 1, 1.1, math.Sqrt2, 1.5,
		2, 2.5, 3, 7.9, 7.91, 8, 10, 20, 50, 87, 87.4, 88, 88.5, 88.7, 88.72, 88.73, 89, 90, 100, 103, 103.9, 104, 105,
		1000, 1e10, 1e30, math.MaxFloat32, math.Inf(1)} {
		x = append(x, float32(v), -float32(v))
	}
	x = append(x, float32(math.NaN()))
	for v := -110.0; v < 110; v += 0.37 {
		x = append(x, float32(v))
	}
	for range 500 {
		x = append(x, float32(random.NormFloat64()), float32(math.Exp(20*random.NormFloat64())))
	}
	return x
}

func TestFunctions(t *testing.T) {
	tol := map[tape.Fn]float64{tape.Exp: 2e-7, tape.Log: 2e-7, tape.Log1p: 3e-7, tape.Expm1: 3e-7, tape.Tanh: 4e-7,
		tape.Sigmoid: 2e-7,
		tape.Sin:     1e-7, tape.Cos: 1e-7, tape.Pow: 1e-7}
	for _, f := range exactFns {
		tol[f] = 0
	}
	x := inputs()
	y := make([]float32, len(x))
	for i := range y {
		y[i] = x[(i*7+3)%len(x)]
		if i%5 == 0 {
			y[i] = x[i]
		}
	}
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for _, f := range tape.Fns() {
			apply := s.Apply[f]
			if apply == nil {
				continue
			}
			got, want := make([]float32, len(x)), make([]float64, len(x))
			apply(len(x), &got[0], &x[0], &y[0], &y[0])
			x64, y64 := widen(x), widen(y)
			Float64().Apply[f](len(x), &want[0], &x64[0], &y64[0], &y64[0])
			for i, g := range got {
				if tol, w := tol[f], want[i]; !near(g, w, tol) && (tol > 0 || g != float32(w)) {
					t.Errorf("%v(%g, %g) = %g, want %g ± %g", f, x[i], y[i], g, w, tol)
				} else if f == tape.Tanh && math.Abs(want[i]) > 1-0x1p-26 && math.Abs(float64(g)) != 1 {
					t.Errorf("tanh(%g) = %g, want ±1 to the bit, so that 1 - tanh² is 0", x[i], g)
				}
			}
		}
	})
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestApply checks that a function treats every element alike, at any length and alignment, in place or not,
// and writes no other.
func TestApply(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for _, f := range tape.Fns() {
			apply := s.Apply[f]
			if apply == nil {
				continue
			}
			for n := range maxLen {
				x, y, z := randoms(n), randoms(n), randoms(n)
				want := make([]float32, n)
				for i := range want {
					apply(1, &want[i], &x[i], &y[i], &z[i])
				}
				fx, fy, fz, dst := fieldOf(x, n%3), fieldOf(y, n%5), fieldOf(z, n%7), newField(n, n%4)
				apply(n, dst.ptr(), fx.ptr(), fy.ptr(), fz.ptr())
				same(t, fmt.Sprintf("%v of %d", f, n), dst.slice(), want)
				dst.intact(t)
				apply(n, fx.ptr(), fx.ptr(), fy.ptr(), fz.ptr())
				same(t, fmt.Sprintf("%v of %d in place", f, n), fx.slice(), want)
				fx.intact(t)
			}
		}
	})
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("%s: element %d is %g, want %g", what, i, got[i], want[i])
		}
	}
}

func TestReductions(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for n := range maxLen {
			x, y := randoms(n), randoms(n)
			fx, fy := fieldOf(x, n%3), fieldOf(y, n%5)
			sum, dot, abs, largest := 0.0, 0.0, 0.0, math.Inf(-1)
			for i := range x {
				sum += float64(x[i])
				dot += float64(x[i]) * float64(y[i])
				abs += math.Abs(float64(x[i])) + math.Abs(float64(x[i])*float64(y[i]))
				largest = max(largest, float64(x[i]))
			}
			for _, c := range []struct {
				name string
				got  float32
				want float64
				tol  float64
			}{
				{"Sum", s.Sum(n, fx.ptr()), sum, 1e-6 * abs},
				{"Dot", s.Dot(n, fx.ptr(), fy.ptr()), dot, 1e-6 * abs},
				{"Max", s.Max(n, fx.ptr()), largest, 0},
			} {
				if !(math.Abs(float64(c.got)-c.want) <= c.tol) && float64(c.got) != c.want {
					t.Errorf("%s of %d = %g, want %g", c.name, n, c.got, c.want)
				}
			}
			if n == 0 {
				continue
			}

			dst := newField(n, n%4)
			total := s.ExpSum(n, dst.ptr(), fx.ptr(), 0.5)
			dst.intact(t)
			want := 0.0
			for i, e := range dst.slice() {
				w := math.Exp(float64(x[i] - 0.5))
				want += w
				if !near(e, w, 2e-7) {
					t.Errorf("ExpSum of %d: element %d is %g, want %g", n, i, e, w)
				}
			}
			if !near(total, want, 1e-6) {
				t.Errorf("ExpSum of %d = %g, want %g", n, total, want)
			}

			s.Affine(n, dst.ptr(), fx.ptr(), 2, -3)
			dst.intact(t)
			for i, e := range dst.slice() {
				if !near(e, 2*float64(x[i])-3, 1.2e-7) {
					t.Errorf("Affine of %d: element %d is %g, want %g", n, i, e, 2*x[i]-3)
				}
			}

			i := random.IntN(n)
			fx.slice()[i] = nan
			if got := s.Max(n, fx.ptr()); got == got {
				t.Errorf("Max of %d with a NaN at %d = %g", n, i, got)
			}
			fx.slice()[i] = inf
			if got := s.Max(n, fx.ptr()); got != inf {
				t.Errorf("Max of %d with +Inf at %d = %g", n, i, got)
			}
			for j := range n {
				fx.slice()[j] = -inf
			}
			if got := s.Max(n, fx.ptr()); got != -inf {
				t.Errorf("Max of %d times -Inf = %g", n, got)
			}
		}
	})
}

// TestPack packs matrices of every size that fits, both ways round.
func TestPack(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for _, width := range []int{s.MR, s.NR} {
			for n := 1; n <= width; n++ {
				for _, k := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50} {
					for _, transposed := range []bool{false, true} {
						srcI, srcK, size := 1, n+3, (k-1)*(n+3)+n
						if transposed {
							srcI, srcK, size = k+5, 1, (n-1)*(k+5)+k
						}
						src, dst := fieldOf(randoms(size), n%5), newField(width*k, 0)
						s.Pack(dst.ptr(), width, n, k, src.ptr(), srcI, srcK)
						dst.intact(t)
						for p := range k {
							for i := range width {
								want := float32(0)
								if i < n {
									want = src.slice()[i*srcI+p*srcK]
								}
								if got := dst.slice()[p*width+i]; got != want {
									t.Fatalf("width %d, n %d, k %d, transposed %v: [%d,%d] = %g, want %g", width, n, k, transposed, p, i, got,
										want)
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestTile computes tiles of every size from packed operands and from others.
func TestTile(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for m := 1; m <= s.MR; m++ {
			for n := 1; n <= s.NR; n++ {
				for _, k := range []int{0, 1, 3, 4, 5, 8, 19} {
					for _, packed := range []bool{true, false} {
						aRow, aK, bK, cRow := 1, s.MR, s.NR, n+2
						if !packed {
							aRow, aK, bK = k+3, 1, s.NR+5
						}
						a := fieldOf(randoms((m-1)*aRow+max(k-1, 0)*aK+1), 1)
						b := fieldOf(randoms(max(k-1, 0)*bK+s.NR), 3)
						for _, acc := range []bool{false, true} {
							before := randoms((m-1)*cRow + n)
							c := fieldOf(before, k%3)
							s.Tile(m, n, k, a.ptr(), aRow, aK, b.ptr(), bK, c.ptr(), cRow, acc)
							c.intact(t)
							for i, got := range c.slice() {
								row, col := i/cRow, i%cRow
								want, tol := float64(before[i]), 0.0
								if col < n {
									if !acc {
										want = 0
									}
									tol = math.Abs(want)
									for p := range k {
										x := float64(a.slice()[row*aRow+p*aK]) * float64(b.slice()[p*bK+col])
										want += x
										tol += math.Abs(x)
									}
									tol *= float64(k+1) * 0x1p-24
								}
								if !(math.Abs(float64(got)-want) <= tol) {
									t.Fatalf("m %d, n %d, k %d, packed %v, acc %v: [%d,%d] = %g, want %g", m, n, k, packed, acc, row, col, got,
										want)
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestRow computes rows from packed panels: the same bits as Tile.
func TestRow(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		checkRow(t, s.Row, s.RowPanels, s.NR, func(k int, a, b, c *float32, acc bool) {
			s.Tile(1, s.NR, k, a, 1, 1, b, s.NR, c, s.NR, acc)
		})
	})
}

// checkRow holds a Row for panels of a width against a Tile of one row and as many columns.
func checkRow(
	t *testing.T, row func(k int, a, b *float32, panel int, c *float32, acc bool), panels, width int,
	tile func(k int, a, b, c *float32, acc bool),
) {
	for _, k := range []int{0, 1, 2, 3, 8, 19} {
		for _, gap := range []int{0, 5} {
			panel := k*width + gap
			a, b := fieldOf(randoms(k), 1), fieldOf(randoms(panels*panel+width), 3)
			for _, acc := range []bool{false, true} {
				before := randoms(panels * width)
				got, want := fieldOf(before, k%3), slices.Clone(before)
				row(k, a.ptr(), b.ptr(), panel, got.ptr(), acc)
				got.intact(t)
				for j := range panels {
					tile(k, a.ptr(), &b.slice()[j*panel], &want[j*width], acc)
				}
				if !slices.Equal(got.slice(), want) {
					t.Fatalf("k %d, panels %d apart, acc %v: %v, want %v", k, panel, acc, got.slice(), want)
				}
			}
		}
	}
}

// TestTranspose transposes matrices of all small sizes.
func TestTranspose(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		for n := 1; n < 67; n++ {
			for _, k := range []int{1, 2, 7, 8, 9, 15, 16, 17, 32, 33, 50} {
				src, dst := fieldOf(randoms((n-1)*(k+3)+k), n%5), fieldOf(randoms((k-1)*(n+2)+n), k%3)
				before := slices.Clone(dst.slice())
				s.Transpose(n, k, dst.ptr(), n+2, src.ptr(), k+3)
				dst.intact(t)
				for at, got := range dst.slice() {
					want := before[at]
					if p, i := at/(n+2), at%(n+2); i < n {
						want = src.slice()[i*(k+3)+p]
					}
					if got != want {
						t.Fatalf("n %d, k %d: element %d is %g, want %g", n, k, at, got, want)
					}
				}
			}
		}
	})
}

func TestDraw(t *testing.T) {
	eachPath(t, func(t *testing.T, s *Set[float32]) {
		key := [4]int32{random.Int32(), -5, 7, math.MinInt32}
		for n := range maxLen {
			dst, block, stream := newField(n, n%3), n%4, uint32(n*31)
			s.Draw(n, dst.ptr(), uint32(block), stream, &key)
			dst.intact(t)
			for i, got := range dst.slice() {
				if want := tape.Uniform(tape.RandomWord(key, stream, 4*block+i)); float64(got) != want {
					t.Fatalf("n %d, block %d: number %d is %g, want %g", n, block, i, got, want)
				}
			}
		}
	})
}

func TestChoose(t *testing.T) {
	for _, p := range Paths() {
		if got, err := Choose(p); got != p || err != nil {
			t.Errorf("Choose(%q) = %q, %v", p, got, err)
		}
	}
	if got, err := Choose(""); got != Paths()[0] || err != nil {
		t.Errorf(`Choose("") = %q, %v, want the first of %v`, got, err, Paths())
	}
	for _, p := range names {
		if _, err := Choose(p); (err == nil) != slices.Contains(Paths(), p) {
			t.Errorf("Choose(%q): %v, and this machine can run %v", p, err, Paths())
		}
	}
	if _, err := Choose("mmx"); err == nil {
		t.Error("Choose(mmx) gave no error")
	}
}
