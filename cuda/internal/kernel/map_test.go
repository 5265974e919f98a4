package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	checks = append(checks,
		check{"map contiguous", mapContiguous},
		check{"map strided", func(r *rig) error { return mapStrided(r, false) }},
		check{"map strided wide", func(r *rig) error { return mapStrided(r, true) }},
		check{"map vectors in rows", mapRows},
		check{"map float64", mapFloat64},
		check{"map bfloat16", mapBF16},
		check{"map bits", mapBits},
		check{"maps in a table", mapTable},
		check{"maps in a bundle", mapBundle},
		check{"fold", folds},
	)
}

// wider is a Map's launch with 64-bit indices.
func wider(m Mapped) Launch {
	s := m.spec
	s.wide = true
	l := m.Launch
	l.Kernel = newKernel("map", s, l.Threads, func(b *ptx.Builder) { s.write(b, l.Threads) })
	return l
}

func flat(e Elem, n int) Operand { return Operand{Elem: e, Strides: []int{1}, Align: n} }

// x*y + i, x < y, at lengths around those of blocks and vectors; one kernel for all lengths of a kind.
func mapContiguous(r *rig) error {
	for _, n := range []int{1, 3, 4, 31, 33, 64, 128, 132, 255, 520} {
		r.clear()
		m := NewPart(Map{
			Compute: F32, Shape: []int{n}, In: []Operand{flat(F32, 256), flat(I32, 256), flat(F32, 256)},
			Out: []Operand{flat(F32, 256), flat(I32, 256)},
			Code: []tape.Op{{Fn: tape.Mul, Args: [3]int{0, 1}}, {Fn: tape.Iota}, {Fn: tape.Add, Args: [3]int{3, 4}},
				{Fn: tape.Const, Value: 2}, {Fn: tape.Lt, Args: [3]int{0, 6}}},
			Result: []int{5, 7},
		})
		if want := map[bool]int{true: 4, false: 1}[n%4 == 0]; m.spec.vector != want || len(m.Used) != 2 {
			return fmt.Errorf("n = %d: vectors of %d, inputs %v", n, m.spec.vector, m.Used)
		}
		x, y := r.wholes(n), convert[int32](r.wholes(n))
		if n%3 == 1 {
			x[n-1] = 2 // neither more nor less
		}
		sum, less := make([]float32, n), make([]int32, n)
		for i := range n {
			sum[i] = x[i]*float32(y[i]) + float32(i)
			if x[i] < 2 {
				less[i] = 1
			}
		}
		for _, l := range []Launch{m.Launch, wider(m)} {
			a, b := r.space(4*n), r.space(4*n)
			err := first(r.launch(l, r.put(x), r.put(y), a, b, uint64(m.Items)), equal(r, "sum", a, sum),
				equal(r, "less", b, less))
			if err != nil {
				return fmt.Errorf("n = %d: %w", n, err)
			}
		}
	}
	return nil
}

// Three axes that cannot be joined, one of them backward, one broadcast, in an order of its own; indices along
// all of them.
func mapStrided(r *rig, wide bool) error {
	shape := []int{5, 3, 7}
	m := Map{
		Compute: F32, Shape: shape,
		In:  []Operand{{F32, []int{24, 0, -3}, 4}, {F32, []int{1, 5, 16}, 4}},
		Out: []Operand{{F32, []int{8, 41, 1}, 4}},
		Code: []tape.Op{
			{Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Iota, Axis: 0}, {Fn: tape.Iota, Axis: 1}, {Fn: tape.Iota, Axis: 2}, {Fn: tape.Const, Value: 10},
			{Fn: tape.Mul, Args: [3]int{3, 6}}, {Fn: tape.Add, Args: [3]int{7, 4}}, {Fn: tape.Mul, Args: [3]int{8, 6}}, {Fn: tape.Add, Args: [3]int{9, 5}}, {Fn: tape.Add, Args: [3]int{10, 2}},
		},
		Result: []int{11},
	}
	x, y := r.wholes(4*24+19), r.wholes(5*3*7+16)
	n := 4*8 + 2*41 + 7
	want := make([]float32, n)
	for i := range want {
		want[i] = -1
	}
	for i := range shape[0] {
		for j := range shape[1] {
			for k := range shape[2] {
				want[8*i+41*j+k] = float32(100*i+10*j+k) + x[18+24*i-3*k] + y[i+5*j+16*k]
			}
		}
	}
	before := make([]float32, n)
	for i := range before {
		before[i] = -1
	}
	mapped := NewMap(m)
	l := mapped.Launch
	if wide {
		l = wider(mapped)
	}
	out := r.put(before)
	return first(r.launch(l, r.put(x)+4*18, r.put(y), out, uint64(mapped.Items)), equal(r, "out", out, want))
}

// Rows of vectors, as the gates of a cell: neighbours in memory along the last axis only.
func mapRows(r *rig) error {
	const rows, cols = 26, 20
	m := NewPart(Map{
		Compute: F32, Shape: []int{rows, cols},
		In:  []Operand{{F32, []int{60, 1}, 16}, {F32, []int{0, 1}, 16}, {F32, []int{1, 0}, 4}},
		Out: []Operand{{F32, []int{24, 1}, 16}},
		Code: []tape.Op{{Fn: tape.Iota, Axis: 1}, {Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Mul, Args: [3]int{4, 2}},
			{Fn: tape.Sub, Args: [3]int{5, 3}}}, Result: []int{6},
	})
	if m.spec.vector != 4 || len(m.spec.inner) != 1 {
		return fmt.Errorf("vectors of %d over %v", m.spec.vector, m.spec.inner)
	}
	x, bias, scale := r.wholes(60*rows), r.wholes(cols), r.wholes(rows)
	want := make([]float32, 24*rows)
	for i := range rows {
		for j := range cols {
			want[24*i+j] = (x[60*i+20+j]+bias[j])*scale[i] - float32(j)
		}
	}
	out := r.put(make([]float32, 24*rows))
	return first(r.launch(m.Launch, r.put(x)+4*20, r.put(bias), r.put(scale), out, uint64(m.Items)),
		equal(r, "out", out, want))
}

func mapFloat64(r *rig) error {
	for _, n := range []int{6, 7, 133, 262} {
		m := NewPart(Map{
			Compute: F64, Shape: []int{n}, In: []Operand{flat(F64, 256), flat(I32, 256)}, Out: []Operand{flat(F64, 256)},
			Code: []tape.Op{{Fn: tape.Const, Value: 0.1}, {Fn: tape.Mul, Args: [3]int{1, 2}},
				{Fn: tape.Add, Args: [3]int{0, 3}}}, Result: []int{4},
		})
		if m.spec.vector != 2-n%2 {
			return fmt.Errorf("vectors of %d", m.spec.vector)
		}
		x, y, want := convert[float64](r.wholes(n)), r.indices(n, 1<<30), make([]float64, n)
		for i := range n {
			want[i] = x[i] + float64(float64(y[i])*0.1)
		}
		out := r.space(8 * n)
		if err := first(r.launch(m.Launch, r.put(x), r.put(y), out, uint64(m.Items)),
			equal(r, "out", out, want)); err != nil {
			return err
		}
	}
	return nil
}

// bf16 is x rounded to bfloat16, the even one of two.
func bf16(x float32) uint16 {
	if x != x {
		return 0x7fff
	}
	bits := math.Float32bits(x)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Rows of 20 numbers go into rows of 24: rounded, ties to even, infinities and NaN too.
func mapBF16(r *rig) error {
	for _, align := range []int{16, 4} {
		const rows, cols = 20, 20
		m := NewPart(Map{
			Compute: F32, Shape: []int{rows, cols}, Result: []int{0},
			In: []Operand{{F32, []int{cols, 1}, align}}, Out: []Operand{{BF16, []int{24, 1}, 256}},
		})
		x := r.normals(rows * cols)
		special := []float32{1 + 0x1p-8, 1 + 3*0x1p-8, 1 + 0x1p-8 + 0x1p-20, -1 - 0x1p-8, float32(math.Inf(1)),
			float32(math.NaN()), math.MaxFloat32}
		for i := range x { // in every lane of a vector
			if i%3 > 0 {
				x[i] = special[i%len(special)]
			}
		}
		want := make([]uint16, 24*rows)
		for i, v := range x {
			want[i/cols*24+i%cols] = bf16(v)
		}
		r.halves = align < 16
		out := r.put(make([]uint16, 24*rows))
		if err := first(r.launch(m.Launch, r.put(x), out, uint64(m.Items)), equal(r, "out", out, want)); err != nil {
			return fmt.Errorf("aligned to %d: %w", align, err)
		}
	}
	return nil
}

// A strided copy keeps the payloads of NaN.
func mapBits(r *rig) error {
	m := NewMap(Map{
		Compute: B32, Shape: []int{30, 4}, Result: []int{0}, In: []Operand{{B32, []int{1, 30}, 4}},
		Out: []Operand{{B32, []int{5, 1}, 4}},
	})
	x := make([]uint32, 120)
	for i := range x {
		x[i] = 0x7f800000 + uint32(r.rng.IntN(1<<20))
	}
	want := make([]uint32, 150)
	for i := range 30 {
		for j := range 4 {
			want[5*i+j] = x[i+30*j]
		}
	}
	out := r.put(make([]uint32, 150))
	return first(r.launch(m.Launch, r.put(x), out, uint64(m.Items)), equal(r, "out", out, want))
}

// Updates of tensors of several sizes, some of more than one block, one scalar for all.
func mapTable(r *rig) error {
	for _, wide := range []bool{false, true} {
		var maps []Mapped
		var words []uint64
		var outs []uint64
		var wants [][]float32
		scale := r.put([]float32{3})
		for _, n := range []int{4, 1024, 1028, 8, 2600} {
			m := NewPart(Map{
				Compute: F32, Shape: []int{n}, In: []Operand{flat(F32, 256), {F32, []int{0}, 4}}, Out: []Operand{flat(F32, 256)},
				Code: []tape.Op{{Fn: tape.Mul, Args: [3]int{0, 1}}}, Result: []int{2},
			})
			x := r.wholes(n)
			want := make([]float32, n)
			for i := range want {
				want[i] = 3 * x[i]
			}
			out := r.space(4 * n)
			m.spec.wide = wide
			maps, outs, wants = append(maps, m), append(outs, out), append(wants, want)
			words = append(words, uint64(m.Items), r.put(x), scale, out)
		}
		table := NewTable(maps)
		if len(table.Parts) != 1+1+2+1+3 {
			return fmt.Errorf("%d blocks", len(table.Parts))
		}
		if err := r.launch(table.Launch, r.put(words), r.put(table.Parts)); err != nil {
			return err
		}
		for i := range outs {
			if err := equal(r, fmt.Sprint("out", i), outs[i], wants[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Maps of three kinds, one of them with 64-bit indices, in one launch, each of them of one block or of several.
func mapBundle(r *rig) error {
	for _, sizes := range [][3]int{{1, 2, 1}, {64, 256, 63}, {200, 65, 700}, {3, 1000, 64}} {
		maps := []Mapped{
			NewMap(Map{
				Compute: F32, Shape: []int{sizes[0]}, In: []Operand{flat(F32, 4), flat(F32, 4)}, Out: []Operand{flat(F32, 4)},
				Code: []tape.Op{{Fn: tape.Sub, Args: [3]int{0, 1}}}, Result: []int{2},
			}),
			NewMap(Map{Compute: B32, Shape: []int{sizes[1]}, In: []Operand{{B32, []int{2}, 4}},
				Out: []Operand{flat(B32, 256)}, Result: []int{0}}),
			NewMap(Map{Compute: F32, Shape: []int{sizes[2]}, Out: []Operand{flat(I32, 4)},
				Code: []tape.Op{{Fn: tape.Iota}}, Result: []int{0}}),
		}
		maps[2].spec.wide = true
		x, y, z := r.wholes(sizes[0]), r.wholes(sizes[0]), r.wholes(2*sizes[1])
		diff, even, count := make([]float32, sizes[0]), make([]float32, sizes[1]), make([]int32, sizes[2])
		for i := range diff {
			diff[i] = x[i] - y[i]
		}
		for i := range even {
			even[i] = z[2*i]
		}
		for i := range count {
			count[i] = int32(i)
		}
		a, b, c := r.space(4*sizes[0]), r.space(4*sizes[1]), r.space(4*sizes[2])
		err := first(
			r.launch(NewBundle(maps), r.put(x), r.put(y), a, uint64(maps[0].Items), r.put(z), b, uint64(maps[1].Items), c,
				uint64(maps[2].Items)),
			equal(r, "difference", a, diff), equal(r, "every other", b, even), equal(r, "numbers", c, count))
		if err != nil {
			return fmt.Errorf("%v: %w", sizes, err)
		}
	}
	return nil
}

// Sums of squares of several arrays, of one part and of several, with vectors and without.
func folds(r *rig) error {
	for _, odd := range []int{0, 1} {
		for _, wide := range []bool{false, true} {
			var maps []Mapped
			var words, sums, outs []uint64
			var wants []float32
			for _, n := range []int{4, 400, 9000, 12, 2048} {
				n += odd
				m := NewPart(Map{
					Compute: F32, Shape: []int{n}, In: []Operand{flat(F32, 256)}, Out: []Operand{flat(F32, 256)},
					Code: []tape.Op{{Fn: tape.Mul}}, Result: []int{1},
				})
				m.spec.wide = wide
				x := r.wholes(n)
				want := float32(0)
				for _, v := range x {
					want += v * v
				}
				maps, wants, outs = append(maps, m), append(wants, want), append(outs, r.space(4))
				words = append(words, uint64(m.Items), r.put(x))
			}
			f := NewFold(maps)
			for k, s := range f.Sums {
				sums = append(sums, uint64(s[0]), uint64(s[1]), outs[k])
			}
			parts := r.space(4 * len(f.Parts))
			err := first(r.launch(f.First, r.put(words), r.put(f.Parts), parts), r.launch(f.Second, parts, r.put(sums)))
			for k := range outs {
				err = first(err, equal(r, fmt.Sprint("sum ", k), outs[k], wants[k:k+1]))
			}
			if err != nil {
				return fmt.Errorf("odd %d, wide %v: %w", odd, wide, err)
			}
		}
	}
	return nil
}

// Division by multiplication, at the numbers where it is most likely to be wrong.
func TestDivide(t *testing.T) {
	var is []uint32
	for _, d := range []int{1, 2, 3, 5, 7, 10, 641, 1000, 4096, 65537, 1<<31 - 1, 1 << 30, 1<<30 + 1, 123456789} {
		is = is[:0]
		for _, q := range []int{0, 1, 2, (1<<31 - 1) / d / 2, (1<<31 - 1) / d} {
			for _, r := range []int{-1, 0, 1, d / 2, d - 1} {
				if i := q*d + r; i >= 0 && i < 1<<31 {
					is = append(is, uint32(i))
				}
			}
		}
		is = append(is, 1<<31-1)
		for _, wide := range []bool{false, true} {
			k := newKernel("divide", d, 256, func(b *ptx.Builder) {
				in, out := b.Pointer("in"), b.Pointer("out")
				n := b.Param("n", ptx.U64)
				tid := b.Special(ptx.TidX)
				b.If(b.Lt(b.Convert(ptx.U64, tid), n), func() {
					i := b.Load(ptx.U32, b.At(in, tid, 4), 0)
					if wide {
						i = b.Convert(ptx.U64, i)
					}
					q, r := divide(b, i, d)
					b.Store(b.At(out, tid, 8), 0, b.Convert(ptx.U32, q), b.Convert(ptx.U32, r))
				})
			})
			r := newRig()
			out := r.space(8 * len(is))
			if err := r.launch(Launch{k, [2]int{1, 1}, 256}, r.put(is), out, uint64(len(is))); err != nil {
				t.Fatal(err)
			}
			got := get[uint32](r, out, 2*len(is))
			for k, i := range is {
				if got[2*k] != i/uint32(d) || got[2*k+1] != i%uint32(d) {
					t.Errorf("%d / %d = %d, remainder %d", i, d, got[2*k], got[2*k+1])
				}
			}
		}
	}
}

// What is larger than 31 bits is counted with 64, and axes are joined and sorted as far as strides allow.
func TestSpecialise(t *testing.T) {
	operand := func(strides ...int) Operand { return Operand{F32, strides, 256} }
	for _, c := range []struct {
		shape   []int
		in, out Operand
		inner   string
		vector  int
		wide    bool
	}{
		{[]int{3, 4, 8}, operand(32, 8, 1), operand(32, 8, 1), "[]", 4, false},
		{[]int{3, 4, 8}, operand(1, 3, 12), operand(1, 3, 12), "[]", 4, false},
		{[]int{3, 4, 8}, operand(0, 8, 1), operand(32, 8, 1), "[8]", 4, false},
		{[]int{3, 4, 8}, operand(0, 0, 1), operand(32, 8, 1), "[2]", 4, false},
		{[]int{6, 1, 5}, operand(5, 99, 1), operand(5, 7, 1), "[]", 2, false},
		{[]int{6, 8}, operand(1, 6), operand(8, 1), "[8]", 1, false},
		{[]int{6, 8}, operand(12, 1), operand(10, 1), "[4]", 2, false},
		{[]int{1 << 20, 1 << 10}, operand(1<<10, 1), operand(1<<10, 1), "[]", 4, true},
		{[]int{1, 1}, operand(5, 5), operand(9, 9), "[]", 1, false},
		{[]int{2, 4}, operand(1<<29, 1), operand(4, 1), "[1]", 4, true},
	} {
		s, _, items := specialise(Map{Compute: F32, Shape: c.shape, In: []Operand{c.in}, Out: []Operand{c.out},
			Result: []int{0}}, 0)
		if fmt.Sprint(s.inner) != c.inner || s.vector != c.vector || s.wide != c.wide || items*s.vector != volume(c.shape) {
			t.Errorf("%v %v -> %v: inner %v, vectors of %d, wide %v, %d items; want %s, %d, %v", c.shape, c.in.Strides,
				c.out.Strides, s.inner, s.vector, s.wide, items, c.inner, c.vector, c.wide)
		}
	}
}

// Vectors get narrower until there are threads enough, but for pairs of bfloat16, which share a word; what is
// part of a larger launch has the widest.
func TestVectorWidth(t *testing.T) {
	for _, c := range []struct{ rows, vector, pairs int }{{50, 1, 2}, {65, 1, 2}, {130, 2, 2}, {259, 2, 2}, {260, 4, 4}} {
		m := Map{
			Compute: F32, Shape: []int{c.rows, 512}, Result: []int{0},
			In: []Operand{{F32, []int{2048, 1}, 16}}, Out: []Operand{{F32, []int{512, 1}, 16}},
		}
		own, part := NewMap(m).spec.vector, NewPart(m).spec.vector
		m.Out[0].Elem = BF16
		if pairs := NewMap(m).spec.vector; own != c.vector || part != 4 || pairs != c.pairs {
			t.Errorf("%d×512: vectors of %d, %d as a part, %d of bfloat16; want %d, 4, %d", c.rows, own, part, pairs,
				c.vector, c.pairs)
		}
	}
}
