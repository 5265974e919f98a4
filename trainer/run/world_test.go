package run

import (
	"cmp"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// trainJointly trains a task in a folder with so many ranks, and gives the end and the error of each.
func trainJointly(t *testing.T, dir string, ranks int, task func(rank int, opts ...Option) (Task, error)) ([]End, []error) {
	t.Helper()
	ends, errs := make([]End, ranks), make([]error, ranks)
	var all sync.WaitGroup
	for rank, c := range parallel.Local(ranks) {
		all.Go(func() {
			task, err := task(rank, InWorld(c), On(cpu.New(cpu.Threads(1))))
			if err != nil {
				errs[rank] = err
				c.Abort(err)
				return
			}
			defer task.Close()
			ends[rank], errs[rank] = Train(context.Background(), dir, task, Options{})
		})
	}
	all.Wait()
	return ends, errs
}

// tensorsOf are those of a checkpoint.
func tensorsOf(t *testing.T, dir, name string) (tensors []checkpoint.Tensor) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := checkpoint.In(root).Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	weights, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	state, err := f.Optimizer()
	if err != nil {
		t.Fatal(err)
	}
	return append(weights, state...)
}

// far is the largest difference of tensors, infinite if they have other names or shapes.
func far(a, b []checkpoint.Tensor) (most float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		x, y := a[i].Data.([]float32), b[i].Data.([]float32)
		if a[i].Name != b[i].Name || len(x) != len(y) {
			return math.Inf(1)
		}
		for k := range x {
			most = max(most, math.Abs(float64(x[k]-y[k])))
		}
	}
	return most
}

// However many processes train a run, its folder holds the same: with one for each part to the bit, and with others, one
// after the other, to rounding.
func TestTrainJointly(t *testing.T) {
	for name, task := range jointTasks {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != TaskLM && name != TaskRegress && name != TaskOwn {
				t.Skip("in short tests one task with a state that is carried, one without, and one of a program's own: package " +
					"trainer has all")
			}
			run := func(dir string, ranks, steps int) {
				t.Helper()
				ends, errs := trainJointly(t, dir, ranks, func(_ int, opts ...Option) (Task, error) { return task(t, steps, opts...) })
				for rank, err := range errs {
					if err != nil {
						t.Fatalf("rank %d of %d: %v", rank, ranks, err)
					}
					if ends[rank].Step != steps || ends[rank].BestLoss != ends[0].BestLoss {
						t.Errorf("rank %d of %d ended %+v, rank 0 %+v", rank, ranks, ends[rank], ends[0])
					}
				}
			}
			const steps = 6
			one, four, others := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "4"), filepath.Join(t.TempDir(), "421")
			run(one, 1, steps)
			run(four, 4, steps)
			for _, name := range []string{Last, Best} {
				if d := far(tensorsOf(t, one, name), tensorsOf(t, four, name)); d != 0 {
					t.Errorf("%s: 4 processes are %g from 1", name, d)
				}
			}
			for i, ranks := range []int{4, 2, 1} {
				run(others, ranks, 2*(i+1))
			}
			if d := far(tensorsOf(t, one, Last), tensorsOf(t, others, Last)); d > 1e-6 {
				t.Errorf("4, then 2, then 1 processes are %g from 1", d)
			}
			if files, _ := filepath.Glob(filepath.Join(four, "*")); len(files) < 4 {
				t.Errorf("the folder holds %v", files)
			}
		})
	}
}

// trainCounters trains counters, one for each rank, of which change is told.
func trainCounters(t *testing.T, ranks int, dir string, change func(rank int, c *counter, stop func()) Task) []error {
	t.Helper()
	errs := make([]error, ranks)
	var all sync.WaitGroup
	for rank, c := range parallel.Local(ranks) {
		task := newCounter(20)
		task.config.Training.Accumulate = 6
		task.config.use([]Option{InWorld(c)})
		ctx, stop := context.WithCancel(context.Background())
		changed := change(rank, task, stop)
		all.Go(func() {
			defer stop()
			_, errs[rank] = Train(ctx, dir, changed, Options{})
		})
	}
	all.Wait()
	return errs
}

// hooked is a counter that calls a function before each step, or in place of its validations.
type hooked struct {
	*counter
	step     func(before int) error
	validate func(ctx context.Context) error
}

func (h *hooked) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if h.step != nil {
		if err := h.step(before); err != nil {
			return 0, 0, 0, err
		}
	}
	return h.counter.Step(before, rate)
}

func (h *hooked) Validate(ctx context.Context) (Metrics, error) {
	if h.validate != nil {
		if err := h.validate(ctx); err != nil {
			return Metrics{}, err
		}
	}
	return h.counter.Validate(ctx)
}

// The wish to stop that one process hears stops all after the same step, with one checkpoint; they go on together.
func TestStopJointly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	errs := trainCounters(t, 3, dir, func(rank int, c *counter, stop func()) Task {
		return &hooked{counter: c, step: func(before int) error {
			if rank == 2 && before == 6 {
				stop()
			}
			return nil
		}}
	})
	for rank, err := range errs {
		var stopped *StoppedError
		if !errors.As(err, &stopped) || stopped.Step != 7 || !errors.Is(stopped.Err, context.Canceled) {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
	for rank, err := range trainCounters(t, 2, dir, func(_ int, c *counter, _ func()) Task { return c }) {
		if err != nil {
			t.Errorf("rank %d goes on: %v", rank, err)
		}
	}
	if got := tensorsOf(t, dir, Last)[0].Data.([]float32)[0]; got != 20 {
		t.Errorf("%g steps were taken, want 20", got)
	}
}

// The wish to stop is heard during a validation, too, on whichever process; the validation is made up for.
func TestStopInValidationJointly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var begun sync.WaitGroup
	begun.Add(1)
	errs := trainCounters(t, 2, dir, func(rank int, c *counter, stop func()) Task {
		if rank == 1 {
			go func() {
				begun.Wait()
				stop()
			}()
		}
		first := true // before the first step
		return &hooked{counter: c, validate: func(ctx context.Context) error {
			if first {
				first = false
				return nil
			}
			begun.Done()
			for ctx.Err() == nil { // batches without end
			}
			return ctx.Err()
		}}
	})
	for rank, err := range errs {
		var stopped *StoppedError
		if !errors.As(err, &stopped) || stopped.Step != 4 {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
	validated := 0
	for rank, err := range trainCounters(t, 2, dir, func(rank int, c *counter, _ func()) Task {
		return &hooked{counter: c, validate: func(context.Context) error { validated++; return nil }}
	}) {
		if err != nil {
			t.Errorf("rank %d goes on: %v", rank, err)
		}
	}
	if validated != 5 { // after 4, 8, 12, 16, 20 steps, by rank 0 alone
		t.Errorf("%d validations, want 5", validated)
	}
}

// The time is that of rank 0: clocks that differ do not separate processes.
func TestClockOfRank0(t *testing.T) {
	for _, late := range []int{0, 1} {
		var spent [2]bool
		var all sync.WaitGroup
		for rank, c := range parallel.Local(2) {
			all.Go(func() {
				task := newCounter(0)
				task.config.Training.Steps, task.config.Training.Minutes, task.config.Training.Accumulate = 0, 1, 2
				task.config.Training.Accumulate = 6
				task.config.use([]Option{InWorld(c)})
				r, err := newTraining(task, Options{})
				if err != nil {
					t.Error(err)
				}
				r.at.Step, r.since = 1, time.Now()
				if rank == late {
					r.past = 70
				}
				if spent[rank], err = r.spent(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if want := late == 0; spent != [2]bool{want, want} {
			t.Errorf("the clock of rank %d is late: the time is over %v, want %v", late, spent, want)
		}
	}
}

// Processes that would not train the same do not begin; all of them know which one it is, and both values.
func TestDisagree(t *testing.T) {
	for want, change := range map[string]func(c *counter){
		"lr: 0.5 there, lr: 0.25 here":         func(c *counter) { c.config.Training.LR = 0.25 },
		"steps: 20 there, steps: 21 here":      func(c *counter) { c.config.Training.Steps = 21 },
		"precision: fp32 there, precision: bf": func(c *counter) { c.config.Running.Precision = device.BF16 },
		"other weights, sha256 ":               func(c *counter) { c.steps[0] = 1 },
		"accumulate: 6 there, accumulate: 3 h": func(c *counter) { c.config.Training.Accumulate = 3 },
	} {
		dir := filepath.Join(t.TempDir(), "run")
		for rank, err := range trainCounters(t, 3, dir, func(rank int, c *counter, _ func()) Task {
			if rank == 2 {
				change(c)
			}
			return c
		}) {
			var disagree *DisagreeError
			if !errors.As(err, &disagree) || disagree.Rank != 2 || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: %v, want %q", rank, err, want)
			}
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder was made", want)
		}
	}
}

// Builds, files and weights that are not the same are named, with both sums.
func TestIdentity(t *testing.T) {
	of := func(change func(x *identity)) *identity {
		x := &identity{Version: "v1", Config: Defaults(TaskLM), Files: map[string]string{"vocab.json": "aaaa"}, Weights: "cccc"}
		change(x)
		return x
	}
	first := of(func(*identity) {})
	for want, change := range map[string]func(x *identity){
		"": func(*identity) {},
		"another build of the program, v1 there, v2 here":      func(x *identity) { x.Version = "v2" },
		"another vocab.json, sha256 aaaa there, bbbb here":     func(x *identity) { x.Files["vocab.json"] = "bbbb" },
		"other weights, sha256 cccc there, dddd here":          func(x *identity) { x.Weights = "dddd" },
		"precision: fp32 there, precision: bf16 here":          func(x *identity) { x.Config.Running.Precision = device.BF16 },
		"checkpoint_every: 0 there, checkpoint_every: 50 here": func(x *identity) { x.Config.Training.CheckpointEvery = 50 },
	} {
		if got := first.differs(of(change)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// noting notes what a rank does when it votes.
type noting struct {
	parallel.Communicator
	at    string
	voted map[string]int
}

func (p *noting) At(what string, _ bool) { p.at = what }
func (p *noting) Vote(bits uint32) (uint32, error) {
	p.voted[p.at]++
	return p.Communicator.Vote(bits)
}

// A process that waits for a checkpoint does so in the checkpoint, however slow the disk is.
func TestWaitInCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var all sync.WaitGroup
	for rank, c := range parallel.Local(2) {
		p := &noting{Communicator: c, voted: map[string]int{}}
		task := newCounter(4)
		task.config.Training.Accumulate = 2
		task.config.use([]Option{InWorld(p)})
		all.Go(func() {
			if _, err := Train(context.Background(), dir, task, Options{}); err != nil {
				t.Errorf("rank %d: %v", rank, err)
			}
			if n := p.voted["the checkpoint after step 4"]; n < 2 { // of the best and of the last
				t.Errorf("rank %d waits %d times for checkpoints, want 2", rank, n)
			}
		})
	}
	all.Wait()
}

// That a run is finished all processes know, and none of them aborts the others.
func TestFinishedJointly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	train := func() []error {
		return trainCounters(t, 3, dir, func(_ int, c *counter, _ func()) Task { return c })
	}
	if err := cmp.Or(train()...); err != nil {
		t.Fatal(err)
	}
	for rank, err := range train() {
		var finished *FinishedError
		if aborted := (*parallel.AbortedError)(nil); !errors.As(err, &finished) || errors.As(err, &aborted) || finished.Dir != dir {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

// The parts belong to the run: another number of them is another run, though their product with the batch may be the same.
func TestPartsAreSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	train := func(accumulate, batch int) error {
		c := newCounter(20)
		c.config.Training.Accumulate, c.config.Training.Batch = accumulate, batch
		_, err := Train(context.Background(), dir, c, Options{})
		return err
	}
	if err := train(6, 2); err != nil {
		t.Fatal(err)
	}
	var other *OtherSettingsError
	if err := train(3, 4); !errors.As(err, &other) {
		t.Errorf("3 parts of 4 after 6 of 2: %v", err)
	}
}

// What goes wrong on one process ends all: it has its own error, and the others know whose it is.
func TestErrorsOfOneProcess(t *testing.T) {
	failure := badData("the file is gone") // of one process alone, what was learned is saved
	late := func(before int) error {
		if before < 3 {
			return nil
		}
		return failure
	}
	for name, at := range map[string]struct {
		rank int
		task func(c *counter) Task
	}{
		"in a step":      {1, func(c *counter) Task { return &hooked{counter: c, step: late} }},
		"in a step of 0": {0, func(c *counter) Task { return &hooked{counter: c, step: late} }},
		"in a validation": {0, func(c *counter) Task {
			return &hooked{counter: c, validate: func(context.Context) error { return failure }}
		}},
	} {
		for rank, err := range trainCounters(t, 3, filepath.Join(t.TempDir(), "run"), func(rank int, c *counter, _ func()) Task {
			if rank == at.rank {
				return at.task(c)
			}
			return c
		}) {
			var aborted *parallel.AbortedError
			if !errors.Is(err, failure) || errors.As(err, &aborted) == (rank == at.rank) || aborted != nil && aborted.Rank != at.rank {
				t.Errorf("%s, rank %d: %v", name, rank, err)
			}
		}
	}
}

// A run whose numbers are no longer finite ends on all processes.
func TestDivergeJointly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for rank, err := range trainCounters(t, 2, dir, func(_ int, c *counter, _ func()) Task {
		c.config.Training.MaxSkipped, c.bad = 1, map[int]bool{5: true}
		return c
	}) {
		var diverged *DivergedError
		if !errors.As(err, &diverged) || diverged.Step != 5 {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

// drifting is a counter whose weight is another after a step.
type drifting struct {
	*counter
	after int
}

func (d *drifting) Params() ([]checkpoint.Tensor, error) {
	ts, err := d.counter.Params()
	if d.after > 0 && d.steps[0] == float32(d.after) {
		ts[0].Data.([]float32)[0] += 0.25
	}
	return ts, err
}

// Weights that differ, as those of other processors may, become those of rank 0 when they are saved, and that is said.
func TestDrift(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	loaded := [2]int{}
	for rank, err := range trainCounters(t, 2, dir, func(rank int, c *counter, _ func()) Task {
		return &loads{&drifting{c, 20 * rank}, &loaded[rank]}
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
	if loaded != [2]int{0, 2} { // for the best checkpoint and for the last
		t.Errorf("weights were replaced %v times, want twice on rank 1", loaded)
	}
	if got := tensorsOf(t, dir, Last)[0].Data.([]float32)[0]; got != 20 {
		t.Errorf("saved was %v, want the weight of rank 0, 20", got)
	}
}

// loads counts what is loaded.
type loads struct {
	Task
	n *int
}

func (l *loads) Load(weights, state []checkpoint.Tensor) error {
	*l.n++
	return l.Task.Load(weights, state)
}
