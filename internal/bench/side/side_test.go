package side

import (
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
	"github.com/unroll-ml/unroll/internal/terminal"
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

// A table of two devices says which is how much faster, and fits into a terminal of 80 columns.
func TestTable(t *testing.T) {
	is, width := terminal.Is, terminal.Width
	defer func() { terminal.Is, terminal.Width = is, width }()
	terminal.Is, terminal.Width = func(any) bool { return true }, func(io.Writer) int { return 80 }
	all := sides(driver.Float32)
	all[0].Ceilings, all[1].Ceilings = Ceilings{Copy: 26.7, Product: 207}, Ceilings{Copy: 3100, Product: 51234, Piece: 2e-6}
	var out strings.Builder
	table := Table{W: &out, Sides: all}
	slow := Time{Device: "cpu", Median: 0.1234, P95: 0.2, GFLOP: 117, Ceiling: 0.57, Error: 2e-7}
	fast := Time{Device: "cuda", Median: 0.01, P95: 0.02, GFLOP: 12345, Ceiling: 1, Error: 3e-7,
		Floor: &Floor{Pieces: 374, Launches: 0.005, Memory: 0.002, Products: 0.001}}
	long := Result{Kind: "seq2seq-gru", Name: strings.Repeat("attention ", 9), Bench: "models", Times: []Time{slow, fast},
		Speedup: 12.34}
	short := Result{Kind: "product", Name: "1024×1024×1024: square", Bench: "kernels", Times: []Time{slow, fast}, Speedup: 123}
	for _, err := range []error{table.Head(), table.Line(short), table.Line(long)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := out.String()
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	for _, want := range []string{
		"\nproduct\n  1024×1024×1024: square\n    cpu                            |   123 ms   200 ms  117 GFLOP/s  57% 2.0e-07\n",
		"\n    cuda, 123 times as fast        |  10.0 ms  20.0 ms 12.3 TFLOP/s 100% 3.0e-07\n",
		"\n    cuda, 12.3 times as fast ", "  cuda: 374 launches take 5.00 ms",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}
