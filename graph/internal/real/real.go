// Package real is Exp, Log and Pow of package math without what Go's assembly for amd64 gets wrong (Go 1.26):
// its Log takes denormal numbers for 2⁻¹⁰²³, and Pow with it; its Exp is infinite from 709.44 on, though
// e^709.78 is still a number. And on every processor Pow loses a bit with each doubling of the exponent.
// Everything that serves as a formula in float64 uses these.
package real

import (
	"math"
	"math/big"
)

const (
	normal = 0x1p-1022 // the smallest normal number
	raise  = 54        // bits by which a denormal number is made normal
)

// Exp is eˣ.
func Exp(x float64) float64 {
	if x > 709 {
		half := math.Exp(x / 2)
		return half * half
	}
	return math.Exp(x)
}

// Log is ln x.
func Log(x float64) float64 {
	if 0 < x && x < normal {
		return math.Log(x*(1<<raise)) - raise*math.Ln2
	}
	return math.Log(x)
}

// Pow is xʸ, with the special cases of math.Pow.
func Pow(x, y float64) float64 {
	if a := math.Abs(x); 0 < a && a < normal && !math.IsInf(y, 0) {
		return Pow(x*(1<<raise), y) * math.Pow(2, -raise*y)
	}
	r := math.Pow(x, y)
	whole, part := math.Modf(y)
	if a := math.Abs(whole); a < 64 || a > 1<<62 || r != r || r == 0 || math.IsInf(r, 0) || math.IsInf(x, 0) {
		return r
	}
	p := new(big.Float).SetPrec(128).SetFloat64(math.Pow(x, part))
	square := new(big.Float).SetPrec(128).SetFloat64(x)
	for n := uint64(math.Abs(whole)); n > 0; n >>= 1 {
		if n&1 == 1 && whole > 0 {
			p.Mul(p, square)
		} else if n&1 == 1 {
			p.Quo(p, square)
		}
		square.Mul(square, square)
	}
	r, _ = p.Float64()
	return r
}
