package collective

import (
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The cost that made timings is found again, and small errors of them do not matter.
func TestFit(t *testing.T) {
	for _, n := range []int{2, 8, 100} {
		want := Cost{20 * time.Microsecond, 3e9}
		var timings []Timing
		for bytes := 1 << 10; bytes <= 64<<20; bytes *= 4 {
			off := 1 + 0.02*float64(len(timings)%2)
			timings = append(timings, Timing{bytes, time.Duration(off * float64(want.Time(n, bytes)))})
		}
		got := Fit(n, timings)
		if math.Abs(float64(got.Latency)/float64(want.Latency)-1) > 0.03 || math.Abs(got.Bandwidth/want.Bandwidth-1) > 0.03 {
			t.Errorf("%d processes: %+v, want %+v", n, got, want)
		}
	}
}

// 8 MB over 4 processes: 2·2 messages, and each moves twice 3/4 of it.
func TestTime(t *testing.T) {
	c := Cost{10 * time.Microsecond, 1e9}
	if got, want := c.Time(4, 8e6), 40*time.Microsecond+12*time.Millisecond; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := c.Time(1, 8e6); got != 0 {
		t.Errorf("one process waits %v", got)
	}
}

func TestPredict(t *testing.T) {
	c := Cost{10 * time.Microsecond, 1e9}
	w := Work{Step: 12040 * time.Microsecond, Gradient: 8e6, Epoch: 380}
	all := c.Predict(w)
	if len(all) != 11 || all[0].Efficiency != 1 || all[10].Processes != 1024 {
		t.Fatalf("%+v", all)
	}
	if four := all[2]; math.Abs(four.Efficiency-0.5) > 1e-9 || four.Epoch != 95 || !four.TooFew(w) || all[1].TooFew(w) {
		t.Errorf("4 processes: %+v", four)
	}
}

// A log says how long steps take, validations and pauses left out, and how many an epoch has.
func TestSteps(t *testing.T) {
	log := `{"event":"step","step":1,"epoch":1,"seconds":5}
{"event":"step","step":2,"epoch":1,"seconds":5.1}
{"event":"step","step":3,"epoch":1,"seconds":5.2}
{"event":"valid","step":3,"epoch":1,"valid_loss":1,"seconds":9}
{"event":"step","step":4,"epoch":2,"seconds":9.1}
{"event":"step","step":5,"epoch":2,"seconds":9.4}
`
	if took, epoch := steps(log); took.Round(time.Millisecond) != 100*time.Millisecond || epoch != 3 {
		t.Errorf("steps of %v, %d an epoch, want 100ms and 3", took, epoch)
	}
}

// What is said with two processes: each size, each number of processes, and when the data are too small.
func TestReport(t *testing.T) {
	f := Flags{StepMS: 10, Weights: 1 << 20, Quick: true}
	var out strings.Builder
	var all sync.WaitGroup
	for rank, c := range parallel.Local(2) {
		all.Go(func() {
			var to strings.Builder
			if err := f.Report(c, &to); err != nil {
				t.Error(err)
			}
			if rank == 0 {
				out = to
			} else if to.Len() > 0 {
				t.Errorf("rank 1 says %s", to.String())
			}
		})
	}
	all.Wait()
	for _, want := range []string{"sums of MPI over 2 processes", "GPUs that have NCCL sum by it, and not by MPI", "1,024", "a step of 10.0 ms", "not known"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said in\n%s", want, out.String())
		}
	}
	var small strings.Builder
	if err := f.write(&small, 2, []Timing{{1024, time.Millisecond}, {1 << 20, 9 * time.Millisecond}}, Work{time.Second, 4, 300}); err != nil ||
		!strings.Contains(small.String(), "with 4 processes a pass over them has 75 steps") {
		t.Errorf("%v\n%s", err, small.String())
	}
	if err := f.Report(parallel.Alone{}, &small); err == nil || !strings.Contains(err.Error(), "mpirun -n 2") {
		t.Errorf("one process: %v", err)
	}
	f.Weights = 0
	if err := f.Report(parallel.Alone{}, &small); err == nil || !strings.Contains(err.Error(), "weights") {
		t.Errorf("no training: %v", err)
	}
}

// On a terminal of 80 columns no line is longer, of the largest numbers neither.
func TestNarrow(t *testing.T) {
	is, width := terminal.Is, terminal.Width
	defer func() { terminal.Is, terminal.Width = is, width }()
	terminal.Is, terminal.Width = func(any) bool { return true }, func(io.Writer) int { return 80 }
	var out strings.Builder
	timings := []Timing{{1 << 10, time.Second}, {1 << 30, 90 * time.Second}}
	var f Flags
	if err := f.write(&out, 1024, timings, Work{time.Hour, 1 << 40, 1 << 30}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if !strings.Contains(out.String(), "steps an epoch") {
		t.Errorf("it says\n%s", out.String())
	}
}
