package cuda_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Most kernels of a captured run begin early, on GPUs that can, and it changes no bit. Where a GPU does not capture
// them so, or a device is told so, none does, and the run is captured all the same.
func TestEarlyLaunches(t *testing.T) {
	const steps = 3 // put in piece by piece, captured, replayed
	c := recurrent("rnn")
	losses := func(config sim.Config, opts ...cuda.Option) (found []float64, stats sim.Stats) {
		gpu := sim.New(config)
		refused := cuda.Uncaptured(func(err error) { t.Errorf("a run was not captured: %v", err) })
		step := c.open(t, cuda.New(gpu, append(opts, refused, cuda.Precision(driver.TF32))...))
		for range steps {
			loss, norm, err := step()
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, loss, norm)
		}
		return found, gpu.Stats()
	}
	want, stats := losses(sim.Config{Strict: true})
	if captured := stats.Kernels * (steps - 1) / steps; stats.Early < captured*3/5 || stats.Early > captured {
		t.Errorf("%d of %d kernels of captured runs begin early", stats.Early, captured)
	}
	for what, c := range map[string]struct {
		config sim.Config
		opts   []cuda.Option
	}{
		"an older GPU":                   {sim.Config{Compute: driver.Version{Major: 8}}, nil},
		"a device told so":               {sim.Config{}, []cuda.Option{cuda.EarlyLaunches(false)}},
		"a GPU that does not capture it": {sim.Config{NoEarly: true}, nil},
	} {
		got, stats := losses(c.config, c.opts...)
		if stats.Early > 0 || stats.Captures == 0 {
			t.Errorf("%s: %d kernels begin early, of %d captures", what, stats.Early, stats.Captures)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: number %d is %v, %v with early launches", what, i, got[i], want[i])
			}
		}
	}
}

// A step's kernel reads the weights that were laid out for it before it waits. So it does not begin early after the
// launch that lays them out: if it did, that would be seen.
func TestTooEarly(t *testing.T) {
	const steps, rows, n = 4, 16, 32
	b := &builder{}
	w, h := b.floats("w", tape.State, n*n), b.floats("h", tape.State, rows*n*(steps+1))
	b.emit(&tape.Loop{Trip: steps, Body: []tape.Instr{&tape.Product{
		A: moved(h, 0, rows*n), B: w, C: moved(h, rows*n, rows*n), Batch: 1, M: rows, N: n, K: n, LdA: n, LdB: n, LdC: n,
	}}})
	for _, hasty := range []bool{false, true} {
		gpu := sim.New(sim.Config{})
		d := cuda.New(&deaf{GPU: gpu, hasty: hasty, at: map[driver.Event]int{}}, cuda.Precision(driver.TF32))
		p, err := d.Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		write(t, p, b.id("w"), make([]float32, n*n))
		write(t, p, b.id("h"), make([]float32, rows*n*(steps+1)))
		for range 2 { // the second is captured
			if err = p.Run(); err == nil {
				err = p.Read(b.id("h"), make([]float32, rows*n*(steps+1)))
			}
			if err != nil {
				break
			}
		}
		var lost *driver.LostError
		switch seen := errors.As(err, &lost) && strings.Contains(err.Error(), "the kernel before writes what is read here"); {
		case hasty && !seen:
			t.Errorf("a run whose kernels all begin early gives %v", err)
		case !hasty && (err != nil || gpu.Stats().Early != steps-1):
			t.Errorf("%v; %d kernels begin early, want all steps but the first", err, gpu.Stats().Early)
		}
	}
}
