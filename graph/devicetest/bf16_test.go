package devicetest

import (
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rewritten is a device that runs other instructions than those of a tape.
type rewritten struct {
	tape.Device
	f rewriter
}

func (d rewritten) Load(t *tape.Tape) (tape.Program, error) { return d.Device.Load(rewrite(t, d.f)) }

// cutK computes products in two: of the first terms, up to n, and of the others.
func cutK(n int) rewriter {
	return replace(func(_ *tape.Tape, p *tape.Product, _ int) []tape.Instr {
		if p.K <= n {
			return nil
		}
		first, rest := *p, *p
		first.K, rest.K, rest.Acc = n, p.K-n, true
		if p.TransA {
			rest.A.Off += n * p.LdA
		} else {
			rest.A.Off += n
		}
		if p.TransB {
			rest.B.Off += n
		} else {
			rest.B.Off += n * p.LdB
		}
		return []tape.Instr{&first, &rest}
	})
}

// What makes other bits than the contract of bfloat16 is seen, and what does not is none of a test's business.
func TestBFloat16Faults(t *testing.T) {
	bf16 := ref.New(ref.BFloat16())
	same := func(d tape.Device, draw string) error { return sameProducts(d, bf16, sizeCases(), draws[draw]) }
	if err := same(rewritten{bf16, cutK(2)}, "normal"); err != nil {
		t.Errorf("a device may cut sums between pairs: %v", err)
	}
	if err := same(rewritten{bf16, cutK(3)}, "normal"); err == nil {
		t.Error("a device may not cut sums within pairs, and that is not seen")
	}
	if err := same(ref.New(), "normal"); err == nil {
		t.Error("that a device does not round is not seen by the bits")
	}
	for _, c := range productChecks {
		if seen := c.run(rounding{ref.New()}, tape.Float32) != nil; seen == (c.name == "product empty") {
			t.Errorf("%s: that a device does not round is seen: %v", c.name, seen)
		}
	}
	if err := bf16Integers.run(rounding{rewritten{bf16, cutK(5)}}, tape.Float32); err != nil {
		t.Errorf("integers are exact in whatever order: %v", err)
	}
	lossy := naive(func(a, b float64) float64 { return a * b * (1 + 0x1p-20) })
	if err := bf16Integers.run(rounding{rewritten{ref.New(), lossy}}, tape.Float32); err == nil {
		t.Error("products of integers that are not exact are not seen")
	}
}
