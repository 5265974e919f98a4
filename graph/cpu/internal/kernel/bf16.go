package kernel

import "math"

// Products of bfloat16, for any processor. All paths give the same bits, but for those of NaNs: a sum runs over the
// terms in pairs, the second of each before the first; each term is added by a fused multiply-add of float32;
// denormal numbers are zeros of their sign, as operands and as sums; a last term without another is the first of a
// pair whose second is +0·+0. This is what VDPBF16PS does.

var rounded32 = roundedPortable()

func roundedPortable() Set[float32] {
	s := portable32
	s.Tile, s.Row, s.Pack, s.Pairs = tileBF16, rowBF16, packBF16, 2
	s.Flops = 1
	return s
}

// roundBF16 is x rounded to bfloat16: to the nearest, of two to the even; a NaN stays one. A denormal number is a zero
// of its sign.
func roundBF16(x float32) float32 {
	b := math.Float32bits(x)
	switch {
	case b&0x7F800000 == 0:
		b &= 0x80000000
	case x != x:
		b |= 0x00400000
	default:
		b += 0x7FFF + b>>16&1
	}
	return math.Float32frombits(b & 0xFFFF0000)
}

// fmaBF16 is a·b + c rounded once, for a and b of bfloat16 and c that are no denormal numbers; a result that would be
// one is a zero of its sign. The product of 8 and 8 bits is exact in float64. The sum may round there, but only where the
// smaller term is far below half a place of the other's float32: it rounds to float32 as the exact sum does.
func fmaBF16(a, b, c float32) float32 {
	const smallest = 0x1p-126 - 0x1p-151 // what is below is no normal number after it is rounded to 24 bits
	s := float64(a)*float64(b) + float64(c)
	if s > -smallest && s < smallest {
		return float32(math.Copysign(0, s))
	}
	return float32(s)
}

// flush is x, or a zero of its sign for a denormal number.
func flush(x float32) float32 {
	if b := math.Float32bits(x); b&0x7F800000 == 0 {
		return math.Float32frombits(b & 0x80000000)
	}
	return x
}

// packBF16 is Set.Pack for pairs of two elements.
func packBF16(dst *float32, width, n, k int, src *float32, srcI, srcK int) {
	if k == 0 || n == 0 {
		return
	}
	d, s := vec(dst, (k+k%2)*width), vec(src, (n-1)*srcI+(k-1)*srcK+1)
	clear(d)
	for p := range k {
		row := d[(p^1)*width:][:n]
		for i := range row {
			row[i] = roundBF16(s[i*srcI+p*srcK])
		}
	}
}

// tileBF16 is Set.Tile for pairs of two elements.
func tileBF16(m, n, k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow int, acc bool) {
	cv := vec(c, (m-1)*cRow+n)
	var t [4]float32
	for i := range m {
		row := cv[i*cRow:][:n]
		clear(t[:])
		if acc {
			copy(t[:], row)
		}
		if k > 0 {
			sumBF16(&t, vec(at(a, i*aRow), (k-1)*aK+1), aK, vec(b, (k-1)*bK+4), bK)
		}
		copy(row, t[:])
	}
}

// sumBF16 adds the products of a row of A and four columns of B.
func sumBF16(t *[4]float32, a []float32, aK int, b []float32, bK int) {
	c0, c1, c2, c3 := flush(t[0]), flush(t[1]), flush(t[2]), flush(t[3])
	for len(a) > 0 {
		x, br := a[0], b[:4]
		c0 = fmaBF16(x, br[0], c0)
		c1 = fmaBF16(x, br[1], c1)
		c2 = fmaBF16(x, br[2], c2)
		c3 = fmaBF16(x, br[3], c3)
		a, b = a[min(aK, len(a)):], b[min(bK, len(b)):]
	}
	*t = [4]float32{c0, c1, c2, c3}
}

// rowBF16 is Set.Row, one panel at a time.
func rowBF16(k int, a, b *float32, _ int, c *float32, acc bool) {
	tileBF16(1, 4, k, a, 1, 1, b, 4, c, 4, acc)
}
