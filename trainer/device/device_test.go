package device_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/device"
)

var (
	none = device.Driver{Built: true, Open: func(int) (driver.GPU, error) {
		return nil, &driver.UnavailableError{Reason: "no driver is installed"}
	}}
	notBuilt  = device.Driver{Open: none.Open}
	simulator = device.Driver{Built: true, Open: func(int) (driver.GPU, error) { return sim.New(sim.Config{}), nil }}
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name string
		with device.Driver
		want string
		told string
	}{
		{device.CPU, none, "cpu", ""},
		{device.Ref, none, "ref", ""},
		{device.Auto, none, "cpu", "no GPU: no driver is installed; computing on the CPU"},
		{device.Auto, notBuilt, "cpu", ""},
		{device.Auto, simulator, "cuda", ""},
		{device.CUDA, simulator, "cuda", ""},
	} {
		told := ""
		d, err := device.Open(c.name, device.Using(c.with), device.Tell(func(s string) { told += s }))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if d.Name() != c.want || told != c.told {
			t.Errorf("%s: opened %s and told %q, want %s and %q", c.name, d.Name(), told, c.want, c.told)
		}
	}
}

// The CPU and the reference device round operands of products, also where a GPU was looked for: with equal results.
func TestOpenBFloat16(t *testing.T) {
	product := func(name string, opts ...device.Option) uint32 {
		d, err := device.Open(name, append(opts, device.Using(none))...)
		if err != nil {
			t.Fatal(err)
		}
		tp := &tape.Tape{Float: tape.Float32, Arena: 3 * tape.Align}
		for i := range 3 {
			tp.Buffers = append(tp.Buffers, tape.Buffer{Len: 2, Offset: int64(i * tape.Align)})
			tp.Slots = append(tp.Slots, tape.Slot{Kind: tape.State, Shape: []int{2}, Buf: tape.BufferID(i)})
		}
		tp.Code = []tape.Instr{&tape.Product{A: tape.Ref{Buf: 0}, B: tape.Ref{Buf: 1}, C: tape.Ref{Buf: 2}, Batch: 1, M: 1,
			N: 1, K: 2, LdA: 2, LdB: 1, LdC: 1}}
		p, err := d.Load(tp)
		if err != nil {
			t.Fatal(err)
		}
		c := []float32{0, 0}
		for _, err := range []error{p.Write(0, []float32{1 + 0x1p-8, 1 + 0x1p-9}), p.Write(1, []float32{1, 1}), p.Run(),
			p.Read(2, c), p.Close()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return math.Float32bits(c[0])
	}
	for _, name := range []string{device.CPU, device.Ref, device.Auto} {
		if got := product(name, device.Precision(device.BF16)); got != math.Float32bits(2) {
			t.Errorf("%s: %08x, want 2: both operands are rounded to 1", name, got)
		}
		if got := product(name); got != math.Float32bits(2+0x1p-8+0x1p-9) {
			t.Errorf("%s: %08x is rounded", name, got)
		}
	}
}

// A GPU that was asked for is not replaced by the CPU.
func TestOpenMissing(t *testing.T) {
	for asked, open := range map[string]func() error{
		"device cuda": func() error { _, err := device.Open(device.CUDA, device.Using(none)); return err },
		"precision tf32": func() error {
			_, err := device.Open(device.Auto, device.Using(none), device.Precision(device.TF32))
			return err
		},
	} {
		err := open()
		var missing *device.MissingError
		var why *driver.UnavailableError
		if !errors.As(err, &missing) || missing.Asked != asked || !errors.As(err, &why) {
			t.Errorf("%s: %v", asked, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for want, open := range map[string]func() error{
		`there is no device "gpu"`:               func() error { _, err := device.Open("gpu"); return err },
		`there is no precision "fp8"`:            func() error { _, err := device.Open(device.CUDA, device.Precision("fp8")); return err },
		`there are no weights "int4"`:            func() error { _, err := device.Open(device.CPU, device.Weights("int4")); return err },
		"weights int8 are for the device cpu, n": func() error { _, err := device.Open(device.Ref, device.Weights(device.INT8)); return err },
		"weights int8 are for the device cpu, a": func() error {
			_, err := device.Open(device.Auto, device.Weights(device.INT8), device.Precision(device.TF32))
			return err
		},
		"precision tf32 is for the device cuda,": func() error { _, err := device.Open(device.CPU, device.Precision(device.TF32)); return err },
	} {
		if err := open(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
