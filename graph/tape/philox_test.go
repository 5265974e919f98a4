package tape

import (
	"math"
	"testing"
)

// The known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = math.MaxUint32
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Philox(c.ctr, c.key); got != c.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

func TestRandomWord(t *testing.T) {
	key := [4]int32{-1, 2, 3, -4}
	for i := range 9 {
		want := Philox([4]uint32{uint32(i / 4), 5, 3, 0xfffffffc}, [2]uint32{0xffffffff, 2})[i%4]
		if got := RandomWord(key, 5, i); got != want {
			t.Errorf("word %d is %x, want %x", i, got, want)
		}
	}
}

// Uniform numbers lie in [0, 1), are exact in float32, fill 64 cells evenly (χ² with 63 degrees of freedom: 103
// is exceeded by chance once in 1000 times), and neighbours are not correlated.
func TestUniform(t *testing.T) {
	if Uniform(0) != 0 || Uniform(math.MaxUint32) != 1-0x1p-24 {
		t.Errorf("the ends are %v and %v, want 0 and 1-2⁻²⁴", Uniform(0), Uniform(math.MaxUint32))
	}
	const n = 1 << 16
	var cells [64]int
	sum, products, last := 0.0, 0.0, 0.5
	for i := range n {
		x := Uniform(RandomWord([4]int32{1, 2, 3, 4}, 0, i))
		if x < 0 || x >= 1 || float64(float32(x)) != x {
			t.Fatalf("number %d is %v", i, x)
		}
		cells[int(64*x)]++
		sum += x
		products += (x - 0.5) * (last - 0.5)
		last = x
	}
	chi2 := 0.0
	for _, c := range cells {
		const want = n / 64.0
		chi2 += (float64(c) - want) * (float64(c) - want) / want
	}
	if chi2 > 103 {
		t.Errorf("χ² = %.1f over 64 cells", chi2)
	}
	// Four standard errors: of the mean √(1/12n), of the products (1/12)/√n.
	if d := math.Abs(sum/n - 0.5); d > 4*math.Sqrt(1/12.0/n) {
		t.Errorf("the mean is off by %g", d)
	}
	if c := math.Abs(products / n); c > 4/12.0/math.Sqrt(n) {
		t.Errorf("neighbours have a covariance of %g", c)
	}
}
