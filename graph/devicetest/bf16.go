package devicetest

import (
	"math"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// RunBFloat16 tests the products of a device that rounds their operands to bfloat16: each is as near to the sum of the
// rounded terms as the contract wants it, and exact on small integers, whatever else a tape does.
func RunBFloat16(t *testing.T, d tape.Device) {
	for _, c := range append(append([]check{bf16Integers}, productChecks...), programChecks...) {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(rounding{d}, tape.Float32); err != nil {
				t.Errorf("%v\nthe rule: %s", err, c.rule)
			}
		})
	}
}

// rounding is a device that rounds the operands of products to bfloat16.
type rounding struct{ tape.Device }

// asOperand is x as a product on d sees it.
func asOperand(d tape.Device, x float64) float64 {
	if _, rounds := d.(rounding); rounds && !math.IsNaN(x) && !math.IsInf(x, 0) {
		fraction, exponent := math.Frexp(x)
		return math.Ldexp(math.RoundToEven(fraction*0x1p8), exponent-8)
	}
	return x
}

var bf16Integers = check{"product integers", "sums of products of integers that bfloat16 and float32 hold are exact",
	func(d tape.Device, f tape.Dtype) error {
		r := newRig(f)
		for i, s := range [][3]int{{3, 5, 2048}, {1, 70, 777}, {50, 33, 1025}, {9, 1, 400}} {
			c := productCase{batch: 1, m: s[0], n: s[1], k: s[2], exact: true}.with(i&1 != 0, i&2 != 0, true)
			c.fillC = func(c []float64) { clear(c) }
			c.fill = func(a, b []float64) { // 2048·64·128 = 2^24
				for _, x := range []struct {
					vals []float64
					most int
				}{{a, 64}, {b, 127}} {
					for i := range x.vals {
						x.vals[i] = float64(r.rng.IntN(2*x.most+1) - x.most)
					}
				}
			}
			c.add(r, d)
		}
		return r.runEach(d)
	}}

// RunSameProducts tests that products have the same bits on d as on the oracle, but for the bits of NaNs: with all
// layouts, and with numbers that show in which order terms are added, how, and what becomes of denormal numbers.
func RunSameProducts(t *testing.T, d, oracle tape.Device) {
	for name, draw := range draws {
		t.Run(name, func(t *testing.T) {
			lists := [][]productCase{sizeCases(), layoutCases(), emptyCases()}
			if name == "normal" {
				lists = append(lists, largeCases())
			}
			for _, cases := range lists {
				if err := sameProducts(d, oracle, cases, draw); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// draws are numbers, from random ones: n is normal, u in [0, 1).
var draws = map[string]func(n, u float64) float64{
	"normal": func(n, u float64) float64 { return n },
	"ties":   func(n, u float64) float64 { return math.Ldexp(math.Floor(n*256)+0.5, -8) },
	"small":  func(n, u float64) float64 { return n * 0x1p-63 },
	"tiny":   func(n, u float64) float64 { return n * 0x1p-126 },
	"large":  func(n, u float64) float64 { return n * 0x1p62 },
	"powers": func(n, u float64) float64 { return math.Copysign(math.Ldexp(1, int(40*u)-40), n) },
	"signs":  func(n, u float64) float64 { return math.Copysign(math.Floor(3*u), n) },
	"specials": func(n, u float64) float64 {
		if s := int(2000 * u); s < 3 {
			return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[s]
		}
		return n
	},
}

func sameProducts(d, oracle tape.Device, cases []productCase, draw func(n, u float64) float64) error {
	r := newRig(tape.Float32)
	fill := func(xs []float64) {
		for i := range xs {
			xs[i] = float64(float32(draw(r.rng.NormFloat64(), r.rng.Float64())))
		}
	}
	for _, c := range cases {
		c.fill, c.fillC = func(a, b []float64) { fill(a); fill(b) }, fill
		c.add(r, oracle)
	}
	want, err := r.outcome(oracle)
	if err != nil {
		return errors.Wrap(err, oracle.Name())
	}
	got, err := r.outcome(d)
	if err != nil {
		return errors.Wrap(err, d.Name())
	}
	for i, a := range r.arrays {
		x, y := unhost(got[i]), unhost(want[i])
		for at := range x {
			if !same(x[at], y[at]) || math.Signbit(x[at]) != math.Signbit(y[at]) && x[at] == x[at] {
				return errors.Errorf("%v: %s[%d] is %x, want %x", r.writer(r.tape.Code, a.Buf), a.name, at-a.Off, x[at], y[at])
			}
		}
	}
	return nil
}

// outcome is what the slots hold after a run.
func (r *rig) outcome(d tape.Device) ([]any, error) {
	p, err := d.Load(&r.tape)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := r.write(p); err != nil {
		return nil, err
	}
	if err := p.Run(); err != nil {
		return nil, err
	}
	return r.read(p)
}
