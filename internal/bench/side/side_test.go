package side

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
	"github.com/unroll-ml/unroll/internal/work"
)

func sides(p driver.Precision) []*Side {
	return []*Side{{Device: cpu.New(cpu.Threads(2)), What: "2 threads"},
		{Device: cuda.New(sim.New(sim.Config{}), cuda.Precision(p)), What: "simulator"}}
}

// Every kernel is a good tape at both of its sizes, and both devices give on it what the reference device gives.
func TestKernels(t *testing.T) {
	for _, k := range kernels {
		for _, d := range [][]int{k.full, k.tiny} {
			s := k.subject(d)
			s.Code = []tape.Instr{s.instr}
			if err := tape.Verify(&s.Tape); err != nil {
				t.Errorf("%s %s: %v", k.kind, k.name, err)
			}
		}
	}
	all := sides(driver.Float32)
	for _, s := range all {
		if err := s.Measure(Options{Tiny: true}); err != nil || !(s.Copy > 0 && s.Product > 0) {
			t.Fatal(err, s.Ceilings)
		}
	}
	var kinds []string
	err := Kernels(all, Options{Tiny: true}, func(r Result) error {
		kinds = append(kinds, r.Kind)
		for _, x := range r.Times {
			if !(x.Median > 0 && x.P95 >= x.Median && x.Runs >= 1) || x.Error > 2e-6 || math.IsNaN(float64(x.Error)) ||
				!(x.Ceiling > 0) {
				t.Errorf("%s %s: %+v", r.Kind, r.Name, x)
			}
		}
		if r.Speedup != r.Times[0].Median/r.Times[1].Median {
			t.Errorf("%s %s: a speed-up of %g", r.Kind, r.Name, r.Speedup)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(slices.Compact(kinds),
		" "); got != "product map reduce rows gather scatteradd random copy loop" {
		t.Errorf("kinds: %s", got)
	}
}

// A device that is wrong shows: products of rounded numbers differ as much as they must, and no more.
func TestErrors(t *testing.T) {
	worst, err := Check(sides(driver.BFloat16)[1], ref.New())
	if err != nil || worst < 1e-4 || worst > 1e-2 {
		t.Errorf("products of bfloat16 differ by %g, %v", worst, err)
	}
	if worst, err := Check(ref.New(), ref.New()); err != nil || worst != 0 {
		t.Errorf("the reference device differs from itself by %g, %v", worst, err)
	}
	if d := difference([]float64{1, math.NaN()}, []float64{1, 2}); !math.IsNaN(d) {
		t.Errorf("NaN differs by %g", d)
	}
	if d := difference([]float64{1, 3}, []float64{1, 4}); d != 0.25 {
		t.Errorf("%g", d)
	}
}

func TestWork(t *testing.T) {
	find := func(name string) kernel {
		for _, k := range kernels {
			if strings.HasPrefix(k.name, name) {
				return k
			}
		}
		t.Fatal(name)
		return kernel{}
	}
	for _, c := range []struct {
		name string
		d    []int
		want work.Work
	}{
		{"1024", []int{2, 3, 5}, work.Work{FLOP: 2 * 2 * 3 * 5, Bytes: 4 * (6 + 15 + 10)}},
		{"attention", []int{2, 1, 3, 5}, work.Work{FLOP: 2 * 2 * 3 * 5, Bytes: 4 * 2 * (3 + 15 + 5)}},
		{"x + y", []int{7}, work.Work{Bytes: 4 * 21}},
		{"Adam", []int{7}, work.Work{Bytes: 4 * 49}},
		{"sums of rows", []int{2, 3, 1}, work.Work{Bytes: 4 * (6 + 2)}},
		{"softmaxgrad", []int{2, 3}, work.Work{Bytes: 4 * 18}},
		{"crossentropy,", []int{2, 3}, work.Work{Bytes: 4 * (6 + 2 + 2)}},
		{"argmax", []int{2, 3}, work.Work{Bytes: 4 * (6 + 2)}},
		{"3072 of", []int{2, 5, 3}, work.Work{Bytes: 4 * (2 + 6 + 6)}},
		{"3072 into", []int{2, 5, 3}, work.Work{Bytes: 4 * (2 + 6 + 15)}},
		{"2500×512", []int{2, 3}, work.Work{Bytes: 4 * (8 + 6)}},
		{"1000 steps", []int{10}, work.Work{Bytes: 10 * 12}},
	} {
		k := find(c.name)
		if k.name[:4] == "2500" && k.kind != "random" {
			for _, k = range kernels {
				if k.kind == "random" {
					break
				}
			}
		}
		s := k.subject(c.d)
		if got := work.Of(&s.Tape, s.instr); got != c.want {
			t.Errorf("%s %v: %+v, want %+v", k.name, c.d, got, c.want)
		}
	}
}

func TestModels(t *testing.T) {
	all := sides(driver.Float32)[:1]
	all[0].Product = 100
	var names []string
	err := Models(all, Options{Tiny: true}, func(r Result) error {
		names = append(names, r.Kind)
		if x := r.Times[0]; !(x.Median > 0 && x.Build > 0 && x.GFLOP > 0) || x.Error > 1e-4 || x.GB != 0 ||
			math.Abs(x.Ceiling-x.GFLOP/100) > 1e-12 || r.Speedup != 0 {
			t.Errorf("%s: %+v", r.Kind, r)
		}
		return nil
	})
	if got := strings.Join(names, " "); err != nil || got != "lstm coupled rnn rows seq2seq-gru seq2seq-lstm" {
		t.Error(got, err)
	}
}

// On a device that is launched piece by piece a step takes at least as long as each kind of its work alone.
func TestFloor(t *testing.T) {
	gpu := sim.New(sim.Config{})
	d := cuda.New(gpu)
	x, err := Small(d)
	if err != nil {
		t.Fatal(err)
	}
	f := x.Floor
	if f == nil || f.Pieces < 20 || f.Pieces > 200 || !(f.Launches > 0 && f.Memory > 0 && f.Products > 0) ||
		f.Most() != max(f.Launches, f.Memory, f.Products) {
		t.Fatalf("%+v", f)
	}
	job, err := workloads.Reference[0].Build(workloads.Reference[0].Tiny, d)
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	before := gpu.Stats()
	if err := job.Step(); err != nil {
		t.Fatal(err)
	}
	after := gpu.Stats()
	if ran :=
		after.Kernels + after.Products + after.Moves - before.Kernels - before.Products - before.Moves; ran != f.Pieces {
		t.Errorf("%d pieces ran, %d are said", ran, f.Pieces)
	}
	if f, err := (&Side{Device: cpu.New()}).floor(job.Tape()); f != nil || err != nil {
		t.Errorf("the CPU has the floor %+v, %v", f, err)
	}
}

func TestQuantiles(t *testing.T) {
	xs := make([]float64, 100)
	for i := range xs {
		xs[i] = float64(100 - i)
	}
	var x Time
	if x.set(xs, work.Work{Bytes: 101e9}, Ceilings{Copy: 4}); x.Median != 50.5 || x.P95 != 95 || x.Best != 1 ||
		x.Runs != 100 || x.GB != 2 || x.Ceiling != 0.5 {
		t.Errorf("%+v", x)
	}
	if x.set([]float64{3}, work.Work{FLOP: 6e9}, Ceilings{Product: 4}); x.Median != 3 || x.P95 != 3 || x.GFLOP != 2 ||
		x.Ceiling != 0.5 {
		t.Errorf("%+v", x)
	}
}
