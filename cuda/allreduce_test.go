package cuda_test

import (
	"sync"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// What depends on whether a sum is made.
const (
	whenInput    = iota // the host says so
	whenConstant        // always
	whenComputed        // the GPU knows
)

// summing is y = (Σ over the ranks of x+x) + x, in place or apart. Its own function, on the host, must be called only if
// called is not nil, which counts.
func summing(when int, apart bool, called *int) (b *builder, x, w, y tape.SlotID) {
	const n = 70
	b = &builder{}
	xs, ys, on := b.floats("x", tape.Input, n), b.floats("y", tape.Output, n), b.floats("when", tape.Input, 1)
	twice, condition := b.floats("", 0, n), on
	sum := twice
	if apart {
		sum = b.floats("", 0, n)
	}
	b.emit(add(twice, xs, xs, n))
	switch when {
	case whenConstant:
		condition = b.floats("", 0, 1)
		b.emit(&tape.Map{Code: []tape.Op{{Fn: tape.Const, Value: 1}}, Result: []int{0}, Out: []tape.Operand{{Ref: condition}}})
	case whenComputed:
		condition = b.floats("", 0, 1)
		b.emit(add(condition, on, on, 1))
	}
	b.emit(&tape.AllReduce{In: twice, Out: sum, When: condition, N: n, Sum: func(data any) error {
		if called == nil {
			return errors.New("the host makes a sum")
		}
		*called++
		for i, v := range data.([]float32) {
			data.([]float32)[i] = 10 * v
		}
		return nil
	}}, add(ys, sum, xs, n))
	return b, b.id("x"), b.id("when"), b.id("y")
}

// joined are devices whose GPUs are the ranks of a collective. counts are how often the guard of each was told to begin
// and to end.
func joined(t *testing.T, configs ...sim.Config) (devices []*cuda.Device, gpus []*sim.GPU, counts [][2]int) {
	t.Helper()
	network := sim.NewNetwork()
	for _, c := range configs {
		c.Network = network
		gpus = append(gpus, sim.New(c))
	}
	id, err := gpus[0].NewCollective()
	if err != nil {
		t.Fatal(err)
	}
	devices, counts = make([]*cuda.Device, len(gpus)), make([][2]int, len(gpus))
	each(len(gpus), func(rank int) {
		c, err := gpus[rank].Join(id, rank, len(gpus))
		if err != nil {
			t.Error(err)
		}
		guard := func() func() {
			counts[rank][0]++
			return func() { counts[rank][1]++ }
		}
		devices[rank] = cuda.New(gpus[rank], cuda.Sums(c, guard))
	})
	t.Cleanup(func() {
		for rank, gpu := range gpus {
			if err := devices[rank].Close(); err != nil {
				t.Error(err)
			}
			if err := gpu.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return devices, gpus, counts
}

func each(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// A collective makes the sums, where they are wanted, and the host waits for nothing. What lies before and behind is
// captured, on each rank if it can.
func TestSums(t *testing.T) {
	for when := whenInput; when <= whenConstant; when++ {
		for _, apart := range []bool{false, true} {
			devices, gpus, counts := joined(t, sim.Config{}, sim.Config{NoCapture: true})
			each(2, func(rank int) {
				b, x, w, y := summing(when, apart, nil)
				p, err := devices[rank].Load(&b.Tape)
				if err != nil {
					t.Error(err)
					return
				}
				defer p.Close()
				for k := range 5 {
					on := float32(k % 2)
					data := make([]float32, 70)
					for i := range data {
						data[i] = float32(i + 100*rank + k)
					}
					for _, err := range []error{p.Write(x, data), p.Write(w, []float32{on}), p.Run()} {
						if err != nil {
							t.Errorf("rank %d, run %d: %v", rank, k, err)
							return
						}
					}
					got := read(t, p, y, 70)
					for i := range got {
						want := 3 * data[i]
						if on == 1 || when == whenConstant {
							want = 2*(2*float32(i+k)+100) + data[i]
						}
						if got[i] != want {
							t.Errorf("rank %d, run %d: y[%d] = %v, want %v", rank, k, i, got[i], want)
							return
						}
					}
				}
			})
			sums := 2 // of 5 runs
			if when == whenConstant {
				sums = 5
			}
			for rank, gpu := range gpus {
				s := gpu.Stats()
				if s.Sums != sums {
					t.Errorf("rank %d has made %d sums, want %d", rank, s.Sums, sums)
				}
				if graphs := s.GraphLaunches; rank == 0 && graphs != 8 || rank == 1 && graphs != 0 {
					t.Errorf("rank %d has launched %d graphs, want 2 a run from the second on, on the GPU that makes graphs", rank, graphs)
				}
				if down := int64(5 * 4 * 70); s.Downloaded != down {
					t.Errorf("rank %d: %d bytes came down, want the %d that were read", rank, s.Downloaded, down)
				}
				if c := counts[rank]; c[0] != c[1] || c[0] < 5*4 {
					t.Errorf("rank %d: the guard was told of %d beginnings and %d ends", rank, c[0], c[1])
				}
			}
		}
	}
}

// Where only the GPU knows whether a sum is to be made, and on a device without a collective, the host makes it.
func TestSumsOfHost(t *testing.T) {
	for _, when := range []int{whenInput, whenConstant, whenComputed} {
		var opts []cuda.Option
		gpu := sim.New(sim.Config{Network: sim.NewNetwork()})
		if when == whenComputed {
			id, err := gpu.NewCollective()
			if err != nil {
				t.Fatal(err)
			}
			c, err := gpu.Join(id, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			opts = append(opts, cuda.Sums(c, nil))
		}
		called := 0
		b, x, w, y := summing(when, true, &called)
		p, err := cuda.New(gpu, opts...).Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		write(t, p, x, append(make([]float32, 69), 1))
		write(t, p, w, []float32{1})
		run(t, p)
		if got := read(t, p, y, 70); got[69] != 21 || called != 1 {
			t.Errorf("%d: %d calls give %v, want one, and 21", when, called, got[69])
		}
	}
}

// When the network breaks a run fails, then or later, and so do all that come.
func TestSumsBroken(t *testing.T) {
	network := sim.NewNetwork()
	gpus := []*sim.GPU{sim.New(sim.Config{Network: network}), sim.New(sim.Config{Network: network})}
	id, err := gpus[0].NewCollective()
	if err != nil {
		t.Fatal(err)
	}
	cable := errors.New("a cable was pulled")
	each(2, func(rank int) {
		c, err := gpus[rank].Join(id, rank, 2)
		if err != nil {
			t.Error(err)
			return
		}
		if rank == 1 { // comes to no sum
			network.Break(cable)
			return
		}
		b, x, _, y := summing(whenConstant, false, nil)
		p, err := cuda.New(gpus[rank], cuda.Sums(c, nil)).Load(&b.Tape)
		if err != nil {
			t.Error(err)
			return
		}
		write(t, p, x, make([]float32, 70))
		var lost *driver.LostError
		err = p.Run()
		if err == nil {
			err = p.Read(y, make([]float32, 70))
		}
		if !errors.As(err, &lost) || !errors.Is(err, cable) || !errors.Is(c.Failed(), cable) {
			t.Errorf("the error is %v, and the collective knows %v", err, c.Failed())
		}
		if err := p.Run(); !errors.As(err, &lost) {
			t.Errorf("a run after it gives %v", err)
		}
	})
}
