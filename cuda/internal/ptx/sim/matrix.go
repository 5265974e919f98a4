package sim

import (
	"math"
	"math/bits"
	"strings"
)

// matrices is an instruction that multiplies matrices: D = A·B + C, with C and D 16×8, A 16×depth, B depth×8.
type matrices struct {
	depth      int
	d, a, b, c []int32 // registers of the fragments
	pairs      bool    // registers of A and B hold two bfloat16, else a TF32
}

// multiplications are the instructions that multiply matrices.
var multiplications = map[string]matrices{
	"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":  {depth: 8},
	"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": {depth: 16, pairs: true},
}

// matrices reads an instruction that multiplies matrices.
func (k *kernel) matrices(in *instr, m matrices, operands []operand) {
	line := int(in.line)
	if len(operands) != 4 {
		k.fail(line, "a multiplication of matrices has four operands")
	}
	for i, to := range []*[]int32{&m.d, &m.a, &m.b, &m.c} {
		n, class := []int{4, 4, 2, 4}[i], "frrf"[i]
		if len(operands[i].list) != n {
			k.fail(line, "operand %d has %d registers, not %d", i+1, len(operands[i].list), n)
		}
		for _, name := range operands[i].list {
			*to = append(*to, k.value(name, class, true, line))
		}
	}
	in.form, in.matrices = formMatrices, &m
	k.f.code = append(k.f.code, *in)
}

// multiply runs one. The products of an element of D are exact and added in float64, then rounded once: where
// hardware rounds between, and in which order it adds, NVIDIA does not say.
func (w *warp) multiply(in *instr, mask uint32) *Fault {
	m := in.matrices
	if mask != full {
		return w.fault(in, mask, Divergence, "only %d of 32 threads of the warp are here: the lanes %032b",
			bits.OnesCount32(mask), mask)
	}
	for _, regs := range [][]int32{m.a, m.b, m.c} {
		for _, r := range regs {
			if w.set[r] != full {
				return w.unset(in, mask, r)
			}
		}
	}
	var a [16][16]float64
	var b [16][8]float64
	for lane := range 32 {
		group, thread := lane/4, lane%4
		for i, r := range m.a { // the second and the fourth are of the lower rows, the last two of the right columns
			row := group + i%2*8
			for j, x := range m.elements(w.regs[r][lane]) {
				a[row][m.column(thread, i/2, j)] = x
			}
		}
		for i, r := range m.b {
			for j, x := range m.elements(w.regs[r][lane]) {
				b[m.column(thread, i, j)][group] = x
			}
		}
		if bad := m.unrounded(w, lane); bad != "" {
			return w.fault(in, 1<<lane, Unrounded, "%s is no TF32: the lower 13 bits of its mantissa are not zero", bad)
		}
	}
	var sums [16][8]float64
	for i := range sums {
		for k := range m.depth {
			for j := range sums[i] {
				sums[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	for lane := range 32 {
		for i, r := range m.d {
			c := float64(f32(w.regs[m.c[i]][lane]))
			w.regs[r][lane] = bits32(float32(c + sums[lane/4+i/2*8][lane%4*2+i%2]))
		}
	}
	for _, r := range m.d {
		w.set[r] = full
	}
	return nil
}

// elements are those in a register of A or B.
func (m *matrices) elements(x uint64) []float64 {
	if m.pairs {
		return []float64{float64(f32(x << 16 & math.MaxUint32)), float64(f32(x & 0xFFFF0000))}
	}
	return []float64{float64(f32(x))}
}

// column is the column of A, or the row of B, of element j of a register in the given half of the fragment.
func (m *matrices) column(thread, half, j int) int {
	if m.pairs {
		return half*8 + thread*2 + j
	}
	return half*4 + thread
}

// unrounded is the first register of a lane that holds a number with more bits than TF32 has; "" if there is
// none. Hardware does not look at these bits, so that it would cut numbers off where they should be rounded.
func (m *matrices) unrounded(w *warp, lane int) string {
	if m.pairs {
		return ""
	}
	for _, regs := range [][]int32{m.a, m.b} {
		for _, r := range regs {
			if x := f32(w.regs[r][lane]); w.regs[r][lane]&(1<<13-1) != 0 && x == x {
				return w.block.f.names[r]
			}
		}
	}
	return ""
}

// tf32 rounds to 10 bits of mantissa, ties away from zero.
func tf32(x uint64) uint64 {
	switch f := float64(f32(x)); {
	case f != f:
		return 0x7FFFFFFF
	case math.IsInf(f, 0):
		return x
	}
	return uint64(uint32(x+1<<12) &^ (1<<13 - 1))
}

// bf16 are the bits of the nearest bfloat16, the even one of two.
func bf16(x uint64) uint64 {
	if f := f32(x); f != f {
		return 0x7FFF
	}
	return (x + 0x7FFF + x>>16&1) >> 16
}

// since is the generation of GPUs that has an instruction first.
func since(name string) int {
	if strings.HasPrefix(name, "mma.") || strings.HasSuffix(name, ".tf32.f32") || strings.HasSuffix(name, ".bf16x2.f32") {
		return 80
	}
	if strings.HasPrefix(name, "griddepcontrol.") {
		return 90
	}
	return 70
}
