package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// gatherings counts what a rank gathers.
type gatherings struct {
	parallel.Communicator
	n int
}

func (g *gatherings) Gather(x []byte) ([][]byte, error) {
	g.n++
	return g.Communicator.Gather(x)
}

// sameBits takes measures that are undefined for equal.
var sameBits = cmp.Comparer(func(a, b Float) bool { return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) })

// measureJointly validates a new model of a task with so many ranks, and gives what each has found, and gathered for it.
func measureJointly(t *testing.T, ranks int, task jointTask) (found []measured, gathered []int) {
	t.Helper()
	found, gathered = make([]measured, ranks), make([]int, ranks)
	var all sync.WaitGroup
	for rank, c := range parallel.Local(ranks) {
		all.Go(func() {
			world := &gatherings{Communicator: c}
			task, err := task(t, 4, InWorld(world), On(cpu.New(cpu.Threads(1))))
			if err != nil {
				t.Error(err)
				c.Abort(err)
				return
			}
			defer task.Close()
			r, err := newTraining(task, Options{})
			if err == nil {
				found[rank], err = r.measure(t.Context())
			}
			if err != nil {
				t.Error(err)
				c.Abort(err)
			}
			gathered[rank] = world.n
		})
	}
	all.Wait()
	return found, gathered
}

// However many processes share a validation, all have the numbers of one, to the bit, and what it shows. Of a task that
// cannot be shared rank 0 has all of it, and the others what decides.
func TestMeasureJointly(t *testing.T) {
	for name, task := range jointTasks {
		t.Run(name, func(t *testing.T) {
			all := []int{2, 4}
			if testing.Short() {
				all = all[:1]
				if name != TaskLM && name != TaskClassify && name != TaskSeq2Seq {
					t.Skip("one that is not shared, one that is, and one with translations, in short tests")
				}
			}
			alone, _ := measureJointly(t, 1, task)
			want := alone[0]
			if want.Loss == 0 || want.Samples == nil && name != TaskOwn {
				t.Fatalf("one process has found %+v", want)
			}
			for _, ranks := range all {
				each, gathered := measureJointly(t, ranks, task)
				for rank, got := range each {
					shared := kindOf(name).shared()
					if got.Loss != want.Loss || got.score != want.score || (gathered[rank] > 1) != shared {
						t.Errorf("rank %d of %d: loss %v, score %v after %d gatherings, one process has %v and %v", rank, ranks,
							got.Loss, got.score, gathered[rank], want.Loss, want.score)
					}
					if diff := cmp.Diff(want.Metrics, got.Metrics, sameBits); diff != "" && (shared || rank == 0) {
						t.Errorf("rank %d of %d: %s", rank, ranks, diff)
					}
				}
			}
		})
	}
}

// endingTask is a classifier in whose validation something happens on one rank.
type endingTask struct {
	*ClassifierTask
	happens func() error // nil: nothing
}

func (e *endingTask) Validate(ctx context.Context) (Metrics, error) {
	err := parallel.Share(ctx, 8, func(i int) (int, error) {
		if e.happens != nil && i >= 4 {
			return 0, e.happens()
		}
		return i, ctx.Err()
	}, func(int, int) error { return nil })
	if err != nil {
		return Metrics{}, err
	}
	return e.ClassifierTask.Validate(ctx)
}

// What one rank meets in a validation that is shared, the wish to stop or a number that is not finite, all of them know.
func TestEndsInSharedValidation(t *testing.T) {
	for name, happens := range map[string]func(stop func()) error{
		"stop":       func(stop func()) error { stop(); return context.Canceled },
		"not finite": func(func()) error { return decode.CheckFinite([]float64{0, math.Inf(1)}) },
	} {
		ends := make([]measured, 3)
		var all sync.WaitGroup
		for rank, c := range parallel.Local(3) {
			all.Go(func() {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				task := &endingTask{}
				config := jointConfig(TaskClassify, 4)
				config.Training.Accumulate = 3
				var err error
				if task.ClassifierTask, err = NewClassifier(config, table(t), nil, InWorld(c), On(cpu.New(cpu.Threads(1)))); err != nil {
					t.Error(err)
					c.Abort(err)
					return
				}
				defer task.Close()
				if rank == 1 {
					task.happens = func() error { return happens(stop) }
				}
				r, err := newTraining(task, Options{})
				if err == nil {
					ends[rank], err = r.measure(ctx)
				}
				if err != nil {
					t.Errorf("%s, rank %d: %v", name, rank, err)
					c.Abort(err)
				}
			})
		}
		all.Wait()
		for rank, m := range ends {
			if m.stopped != (name == "stop") || strings.Contains(m.notFinite, "Inf") != (name == "not finite") {
				t.Errorf("%s, rank %d: stopped %v, not finite %q", name, rank, m.stopped, m.notFinite)
			}
		}
	}
}

// The log of several processes has the validations of one.
func TestValidationsInLog(t *testing.T) {
	validations := func(ranks int) (all []map[string]any) {
		dir := filepath.Join(t.TempDir(), "run")
		_, errs := trainJointly(t, dir, ranks, func(_ int, opts ...Option) (Task, error) {
			return jointTasks[TaskClassify](t, 6, opts...)
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(dir, LogName))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(log) {
			var record map[string]any
			if err := json.Unmarshal(line, &record); err != nil {
				t.Fatal(err)
			}
			if record["event"] == "valid" && record["step"] != 0. { // that before the first step may take too long
				delete(record, "seconds")
				all = append(all, record)
			}
		}
		return all
	}
	one, four := validations(1), validations(4)
	if diff := cmp.Diff(one, four); diff != "" || len(one) != 3 {
		t.Errorf("%d validations: %s", len(one), diff)
	}
}

// Of a batch of pairs each process encodes its rows, which are those of the whole batch; all count all tokens.
func TestOwnRows(t *testing.T) {
	batch := func(c parallel.Communicator) *seq2seqBatch {
		task, err := jointTasks[TaskSeq2Seq](t, 4, InWorld(c), On(cpu.New(cpu.Threads(1))))
		if err != nil {
			t.Fatal(err)
		}
		defer task.Close()
		b, err := task.(*Seq2SeqTask).feed.fill(0)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := batch(parallel.Alone{})
	for rank, c := range parallel.Local(4) {
		got, rows := batch(c), whole.Batch/4
		if got.tokens != whole.tokens {
			t.Errorf("rank %d counts %d tokens of %d", rank, got.tokens, whole.tokens)
		}
		for at, token := range got.Target {
			want := int32(0)
			if at%whole.Batch/rows == rank {
				want = whole.Target[at]
			}
			if token != want {
				t.Errorf("rank %d: target %d is %d, want %d", rank, at, token, want)
			}
		}
	}
}
