package real

import (
	"math"
	"testing"
)

// The values are those of arithmetic with many digits.
func TestWhereMathIsWrong(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"exp(709.5)", Exp(709.5), 1.3549863193146328e308},
		{"exp(709.78)", Exp(709.78), 1.7928227943945155e308},
		{"exp(709.79)", Exp(709.79), math.Inf(1)},
		{"exp(-740)", Exp(-740), 4.2e-322},
		{"ln 5e-324", Log(5e-324), -744.4400719213812},
		{"ln 1e-310", Log(1e-310), -713.8013788281542},
		{"ln 0", Log(0), math.Inf(-1)},
		{"1.0000001^1e9", Pow(1.0000001, 1e9), 2.6881038582144647e+43},
		{"0.9999999^-3.3e9", Pow(0.9999999, -3.3e9), 2.0758029198349306e+143},
		{"-1.0000001^1000000001", Pow(-1.0000001, 1000000001), -2.6881041270248506e+43},
		{"3^640", Pow(3, 640), 2.278258611829002e+305},
		{"1.5^1740.7", Pow(1.5, 1740.7), 3.3270140754603445e+306},
		{"1.5^1e300", Pow(1.5, 1e300), math.Inf(1)},
		{"(1e-310)^-1", Pow(1e-310, -1), math.Inf(1)},
		{"(1e-310)^0.3", Pow(1e-310, 0.3), 1e-93},
		{"(-1e-310)^3", Pow(-1e-310, 3), math.Copysign(0, -1)},
		{"(-1e-310)^-0.9999", Pow(-1e-310, -0.9999), math.NaN()},
		{"(1e-310)^-0.5", Pow(1e-310, -0.5), 1e155},
		{"(1e-310)^0", Pow(1e-310, 0), 1},
		{"(1e-310)^-Inf", Pow(1e-310, math.Inf(-1)), math.Inf(1)},
	} {
		same := c.got == c.want || c.got != c.got && c.want != c.want
		if !same && !(math.Abs(c.got-c.want) <= 1e-13*math.Abs(c.want)) {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}
