package kernel

import "math"

// Products of a row by weights as int8: a number of either is a whole number of at most 127 in size times a scale, that
// of its row or that of its column. Sums of whole numbers are exact, so that all paths give the same bits.

// Int8Columns is the number of columns of a panel of weights. Term p of column i is element
// p/4*4*Int8Columns + 4*i + p%4.
const Int8Columns = 32

// Int8MaxTerms is how many terms a sum has at most: it stays within 32 bits.
const Int8MaxTerms = math.MaxInt32 / (127 * 127)

// An Int8Row computes one panel of a product, of so many quads of terms:
//
//	C[j] = float32(Σ_p a[p]·b[p,j]) · (scale·scales[j]), added to what C[j] holds if acc
//
// Each of the operations on float32 is rounded.
type Int8Row func(quads int, a, b *int8, scales *float32, scale float32, c *float32, acc bool)

// Quantize makes n numbers, srcP apart, whole numbers of at most 127 in size: term p is dst[p/4*group + p%4], up to a
// multiple of 4. They are x·(127/most), rounded to the nearest, of two to the even, where most is the largest in size;
// scale is most/127. If that is not a number or infinite, so is no product: the scale is NaN. Numbers too small for a
// scale are 0.
func Quantize(n int, dst *int8, group int, src *float32, srcP int) (scale float32) {
	if n == 0 {
		return 0
	}
	d, s := vec(dst, (n-1)/4*group+4), vec(src, (n-1)*srcP+1)
	most := float32(0)
	for p := range n {
		most = max(most, float32(math.Abs(float64(s[p*srcP]))))
	}
	scale, up := most/127, 127/most
	switch {
	case most != most || math.IsInf(float64(most), 0):
		scale, up = float32(math.NaN()), 0
	case math.IsInf(float64(up), 0):
		scale, up = 0, 0
	}
	for p := range (n + 3) &^ 3 {
		q := int8(0)
		if p < n && up != 0 {
			q = nearest(float32(s[p*srcP] * up))
		}
		d[p/4*group+p%4] = q
	}
	return scale
}

// nearest is x, which is at most 127 in size, as a whole number: the last bits of a float32 whose last place is 1.
func nearest(x float32) int8 { return int8(math.Float32bits(x + 0x1.8p23)) }

// int8Row is Int8Row for any processor.
func int8Row(quads int, a, b *int8, scales *float32, scale float32, c *float32, acc bool) {
	var sums [Int8Columns]int32
	av, bv := vec(a, 4*quads), vec(b, 4*Int8Columns*quads)
	for len(av) > 0 {
		a0, a1, a2, a3 := int32(av[0]), int32(av[1]), int32(av[2]), int32(av[3])
		for j := range sums {
			w := bv[4*j:][:4]
			sums[j] += a0*int32(w[0]) + a1*int32(w[1]) + a2*int32(w[2]) + a3*int32(w[3])
		}
		av, bv = av[4:], bv[4*Int8Columns:]
	}
	cv, sv := vec(c, Int8Columns), vec(scales, Int8Columns)
	for j, sum := range sums {
		x := float32(float32(sum) * float32(scale*sv[j]))
		if acc {
			x = float32(cv[j] + x)
		}
		cv[j] = x
	}
}
