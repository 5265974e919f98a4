package kernel

import (
	"fmt"
	"math"
	"math/big"
	"testing"
)

// eachRounding runs f for the kernels of each path for products of bfloat16.
func eachRounding(t *testing.T, f func(t *testing.T, s *Set[float32])) {
	for _, p := range Paths() {
		t.Run(p, func(t *testing.T) { f(t, BFloat16(p)) })
	}
}

func bitsOf(x float32) uint32   { return math.Float32bits(x) }
func fromBits(b uint32) float32 { return math.Float32frombits(b) }

// exactFMA is a·b + c in arithmetic that rounds nothing, and then as the contract says.
func exactFMA(a, b, c float32) float32 {
	c = flush(c)
	special := float64(a)*float64(b) + float64(c)
	if math.IsNaN(special) || math.IsInf(special, 0) {
		return float32(special)
	}
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(x)) }
	sum := exact(a)
	sum.Mul(sum, exact(b)).Add(sum, exact(c))
	if sum.Sign() == 0 {
		return float32(special) // a zero, whose sign float64 knows
	}
	sum.SetPrec(24)
	got, _ := sum.Float64()
	if math.Abs(got) < 0x1p-126 {
		return float32(math.Copysign(0, got))
	}
	return float32(got)
}

// roundings are numbers and what they are as bfloat16.
var roundings = [][2]uint32{
	{0x3f800000, 0x3f800000},
	{0x3f808000, 0x3f800000}, // half way: to the even one
	{0x3f818000, 0x3f820000},
	{0x3f808001, 0x3f810000},
	{0xbf807fff, 0xbf800000},
	{0x7f7fffff, 0x7f800000}, // beyond the largest
	{0x7f7f7fff, 0x7f7f0000},
	{0xff800000, 0xff800000},
	{0x00000000, 0x00000000},
	{0x80000000, 0x80000000},
	{0x00000001, 0x00000000}, // denormal
	{0x807fffff, 0x80000000}, // denormal, though the nearest is normal
	{0x00800000, 0x00800000},
	{0x00808000, 0x00800000},
}

func TestRoundBF16(t *testing.T) {
	for _, r := range roundings {
		if got := bitsOf(roundBF16(fromBits(r[0]))); got != r[1] {
			t.Errorf("%08x is rounded to %08x, want %08x", r[0], got, r[1])
		}
	}
	for _, nan := range []uint32{0x7f800001, 0x7fffffff, 0xffffffff, 0xff808000, 0x7fc00000} {
		if got := roundBF16(fromBits(nan)); got == got || bitsOf(got)&0xFFFF != 0 {
			t.Errorf("the NaN %08x is rounded to %08x", nan, bitsOf(got))
		}
	}
}

// kinds are inputs that products may meet: the order of terms, what is fused and what is flushed shows in some of them.
var kinds = map[string]func() float32{
	"normal":   func() float32 { return float32(random.NormFloat64()) },
	"ties":     func() float32 { return fromBits(bitsOf(float32(random.NormFloat64()))&0xFFFF0000 | 0x8000) },
	"bits":     func() float32 { return fromBits(random.Uint32()) },
	"integers": func() float32 { return float32(random.IntN(21) - 10) },
	"small":    func() float32 { return float32(random.NormFloat64() * 0x1p-63) },
	"tiny":     func() float32 { return float32(random.NormFloat64() * 0x1p-126) },
	"large":    func() float32 { return float32(random.NormFloat64() * 0x1p62) },
	"powers": func() float32 {
		return float32(math.Ldexp(float64(1+random.IntN(2)*random.IntN(256)/128), random.IntN(30)-75))
	},
	"zeros": func() float32 { return []float32{0, float32(math.Copysign(0, -1)), 1, -1}[random.IntN(4)] },
	"specials": func() float32 {
		return []float32{0, 1, -2, 3, 5, -7, 0.1, 1e-40, float32(math.Inf(1)), float32(math.NaN())}[min(9, random.IntN(300))]
	},
}

func TestFMABF16(t *testing.T) {
	for name, draw := range kinds {
		for range 20000 {
			a, b, c := roundBF16(draw()), roundBF16(draw()), flush(draw())
			if random.IntN(4) == 0 { // near cancellation
				c = flush(-a * b * (1 + float32(random.IntN(5)-2)*0x1p-23))
			}
			if got, want := fmaBF16(a, b, c), exactFMA(a, b, c); bitsOf(got) != bitsOf(want) && (got == got || want == want) {
				t.Fatalf("%s: %x·%x + %x = %x, want %x", name, a, b, c, got, want)
			}
		}
	}
}

// A vector of the contract: a sum that starts from c, of an odd and an even term.
var vectorsBF16 = []struct {
	why               string
	c, a1, b1, a0, b0 float32
	want              uint32
}{
	{"two roundings", 1, 0x1p-12, 0x1p-12, 0x1p-12, 0x1p-12, 0x3f800000},
	{"the odd term first", 1, 0x1p-12, 0x1p-12, 0x1p-12 * (1 + 0x1p-7), 0x1p-12, 0x3f800001},
	{"the even term last", 1, 0x1p-12 * (1 + 0x1p-7), 0x1p-12, 0x1p-12, 0x1p-12, 0x3f800002},
	{"a fused term", -math.MaxFloat32, 0x1p64, 0x1p64, 0, 0, 0x73800000},
	{"the sign of a zero", fromBits(0x80000000), 0, 0, 0, 0, 0},
	{"rounded to the smallest normal number", 0x1p-126, -0x1p-76, 0x1p-75, 0, 0, 0x00800000},
	{"below it after rounding", 0x1p-126, -0x1p-75, 0x1p-75, 0, 0, 0},
	{"a tiny sum", 0, 0x1p-64, 0x1p-63, 0, 0, 0},
	{"a tiny sum of its sign", fromBits(0x80000000), -0x1p-64, 0x1p-63, fromBits(0x80000000), 1, 0x80000000},
	{"each of two tiny sums", 0, 0x1p-64, 0x1p-63, 0x1p-64, 0x1p-63, 0},
	{"a denormal number in C", 0x1p-127, 0x1p-63, 0x1p-63, 0, 0, 0x00800000},
	{"a denormal operand", 1, 0x1p-127, 0x1p127, 0, 0, 0x3f800000},
	{"a denormal operand near the normal ones", 1, fromBits(0x007fffff), 0x1p126, 0, 0, 0x3f800000},
}

// Each vector alone, on each path, stands for one rule.
func TestVectorsBF16(t *testing.T) {
	eachRounding(t, func(t *testing.T, s *Set[float32]) { checkVectorsBF16(t, s) })
}

func checkVectorsBF16(t *testing.T, s *Set[float32]) {
	for _, v := range vectorsBF16 {
		got := productBF16(s, 1, 1, 2, []float32{v.a0, v.a1}, []float32{v.b0, v.b1}, []float32{v.c}, true)
		if bitsOf(got[0]) != v.want {
			t.Errorf("%s: %08x, want %08x", v.why, bitsOf(got[0]), v.want)
		}
	}
	// A last term without another has +0·+0 before it.
	minus := fromBits(0x80000000)
	if got := productBF16(s, 1, 1, 1, []float32{minus}, []float32{1}, []float32{minus}, true); bitsOf(got[0]) != 0 {
		t.Errorf("-0 and a term -0·1 are %08x, want +0: the pair has another term", bitsOf(got[0]))
	}
	if tiny := fromBits(1 + random.Uint32N(2)); tiny*0.5+tiny == 0 {
		t.Error("denormal numbers are zeros after a product")
	}
}

// productBF16 computes one tile of packed operands: a is m×k, b is k×n, c is m×n.
func productBF16(s *Set[float32], m, n, k int, a, b, c []float32, acc bool) []float32 {
	width := max(m, 1)
	depth := s.Depth(k)
	pa, pb := make([]float32, depth*width), make([]float32, depth*s.NR)
	s.Pack(&pa[0], width, m, k, &a[0], k, 1)
	s.Pack(&pb[0], s.NR, n, k, &b[0], 1, n)
	got := append([]float32(nil), c...)
	s.Tile(m, n, depth, &pa[0], 1, width, &pb[0], s.NR, &got[0], n, acc)
	return got
}

// modelBF16 is the contract of a product in plain loops.
func modelBF16(m, n, k int, a, b, c []float32, acc bool) []float32 {
	out := make([]float32, m*n)
	for i := range m {
		for j := range n {
			sum := float32(0)
			if acc {
				sum = c[i*n+j]
			}
			term := func(p int) {
				x, y := float32(0), float32(0)
				if p < k {
					x, y = roundBF16(a[i*k+p]), roundBF16(b[p*n+j])
				}
				sum = exactFMA(x, y, sum)
			}
			for p := 0; p < k; p += 2 {
				term(p + 1)
				term(p)
			}
			out[i*n+j] = sum
		}
	}
	return out
}

// Tiles of all sizes give the bits of the contract on every path.
func TestTileBF16(t *testing.T) {
	eachRounding(t, func(t *testing.T, s *Set[float32]) { checkTileBF16(t, s, s.NR) })
}

// checkTileBF16 tries tiles of up to so many columns.
func checkTileBF16(t *testing.T, s *Set[float32], columns int) {
	for name, draw := range kinds {
		for m := 1; m <= s.MR; m++ {
			for _, n := range []int{1, 2, 3, columns / 2, columns - 1, columns} {
				if n < 1 {
					continue
				}
				for _, k := range []int{1, 2, 3, 8, 9, 67} {
					if k > 9 && (m != s.MR || n < columns-1) {
						continue
					}
					a, b, c := drawn(m*k, draw), drawn(k*n, draw), drawn(m*n, draw)
					acc := random.IntN(2) == 0
					same(t, fmt.Sprintf("%s: m %d, n %d, k %d, acc %v", name, m, n, k, acc),
						productBF16(s, m, n, k, a, b, c, acc), modelBF16(m, n, k, a, b, c, acc))
				}
			}
		}
	}
}

func drawn(n int, draw func() float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = draw()
	}
	return x
}

// A product may be cut where a pair ends, and gives the same bits: it goes on from C.
func TestCutsBF16(t *testing.T) {
	eachRounding(t, func(t *testing.T, s *Set[float32]) { checkCutsBF16(t, s) })
}

func checkCutsBF16(t *testing.T, s *Set[float32]) {
	const m, n, k = 3, 4, 21
	a, b, c := randoms(m*k), randoms(k*n), randoms(m*n)
	want := productBF16(s, m, n, k, a, b, c, true)
	for cut := 2; cut < k; cut += 2 {
		first, second := make([]float32, m*cut), make([]float32, m*(k-cut))
		for i := range m {
			copy(first[i*cut:], a[i*k:][:cut])
			copy(second[i*(k-cut):], a[i*k+cut:][:k-cut])
		}
		got := productBF16(s, m, n, cut, first, b, c, true)
		got = productBF16(s, m, n, k-cut, second, b[cut*n:], got, true)
		same(t, fmt.Sprintf("cut at %d", cut), got, want)
	}
}

// Rows of packed panels give the same bits as tiles, and write nothing else.
func TestRowBF16(t *testing.T) {
	eachRounding(t, func(t *testing.T, s *Set[float32]) {
		checkRowBF16(t, s, s)
		if s.ByRow != nil {
			checkRowBF16(t, s, s.ByRow)
		}
	})
}

// checkRowBF16 multiplies rows that are packed by one set by matrices that are packed by another.
func checkRowBF16(t *testing.T, ofRow, s *Set[float32]) {
	width := s.RowPanels * s.NR
	for _, k := range []int{1, 2, 3, 8, 19} {
		for _, acc := range []bool{false, true} {
			depth := s.Depth(k)
			a, b, before := randoms(k), randoms(k*width), randoms(width)
			row, panels := make([]float32, ofRow.Depth(k)), make([]float32, depth*width)
			ofRow.Pack(&row[0], 1, 1, k, &a[0], k, 1)
			for j := range s.RowPanels {
				s.Pack(&panels[j*depth*s.NR], s.NR, s.NR, k, &b[j*s.NR], 1, width)
			}
			got := fieldOf(before, k%3)
			s.Row(depth, &row[0], &panels[0], depth*s.NR, got.ptr(), acc)
			got.intact(t)
			same(t, fmt.Sprintf("k %d, acc %v", k, acc), got.slice(), modelBF16(1, width, k, a, b, before, acc))
		}
	}
}

// Pack rounds matrices of every size that fits, both ways round, and puts pairs in their order.
func TestPackBF16(t *testing.T) {
	eachRounding(t, func(t *testing.T, s *Set[float32]) { checkPackBF16(t, s) })
}

func checkPackBF16(t *testing.T, s *Set[float32]) {
	draws := []func() float32{kinds["normal"], kinds["bits"], kinds["tiny"], kinds["ties"]}
	for turn, width := range []int{s.MR, s.NR, 1} {
		for n := 1; n <= width; n++ {
			for _, k := range []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 67} {
				for _, transposed := range []bool{false, true} {
					srcI, srcK, size := 1, n+3, (k-1)*(n+3)+n
					if transposed {
						srcI, srcK, size = k+5, 1, (n-1)*(k+5)+k
					}
					src := fieldOf(drawn(size, draws[(turn+n+k)%len(draws)]), n%5)
					dst := newField(width*s.Depth(k), 0)
					s.Pack(dst.ptr(), width, n, k, src.ptr(), srcI, srcK)
					dst.intact(t)
					for p := range s.Depth(k) * 2 / s.Pairs {
						for i := range width {
							want := float32(0)
							if i < n && p < k {
								want = roundBF16(src.slice()[i*srcI+p*srcK])
							}
							got := termBF16(s, dst.slice(), width, p, i)
							if bitsOf(got) != bitsOf(want) && (got == got || want == want) {
								t.Fatalf("width %d, n %d, k %d, transposed %v: [%d,%d] = %08x, want %08x", width, n, k, transposed, p, i,
									bitsOf(got), bitsOf(want))
							}
						}
					}
				}
			}
		}
	}
}

// termBF16 is term p of row i in a packed panel.
func termBF16(s *Set[float32], panel []float32, width, p, i int) float32 {
	if s.Pairs == 2 {
		return panel[(p^1)*width+i]
	}
	pair := bitsOf(panel[p/2*width+i])
	if p%2 == 0 {
		return fromBits(pair << 16)
	}
	return fromBits(pair & 0xFFFF0000)
}
