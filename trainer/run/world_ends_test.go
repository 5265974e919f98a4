package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// rated notes the learning rates of a task's steps.
type rated struct {
	*ClassifierTask
	rates []float64
}

func (r *rated) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	r.rates = append(r.rates, rate)
	return r.ClassifierTask.Step(before, rate)
}

// Processes that share a validation judge it alike: all lower the learning rate after the same step, and all stop after
// the same, as one process does that has the same weights.
func TestPatienceJointly(t *testing.T) {
	train := func(ranks int) (dir string, ends []End, rates [][]float64) {
		dir = filepath.Join(t.TempDir(), fmt.Sprint(ranks))
		ends, rates = make([]End, ranks), make([][]float64, ranks)
		var all sync.WaitGroup
		for rank, c := range parallel.Local(ranks) {
			all.Go(func() {
				config := jointConfig(TaskClassify, 60)
				config.Training.Batch, config.Training.ValidEvery, config.Training.LR, config.Training.Patience = 3, 1, 0.3, 5
				config.Training.Schedule, config.Training.ScheduleFactor, config.Training.ScheduleWait = "plateau", 0.5, 1
				task, err := NewClassifier(config, table(t), nil, InWorld(c), On(cpu.New(cpu.Threads(1))))
				if err != nil {
					t.Error(err)
					c.Abort(err)
					return
				}
				defer task.Close()
				own := &rated{ClassifierTask: task}
				if ends[rank], err = Train(context.Background(), dir, own, Options{}); err != nil {
					t.Error(err)
				}
				rates[rank] = own.rates
			})
		}
		all.Wait()
		return dir, ends, rates
	}
	one, alone, want := train(1)
	if n := len(slices.Compact(slices.Clone(want[0]))); n < 3 || alone[0].Step >= 60 || alone[0].Why == "" ||
		alone[0].Step != alone[0].BestStep+5 {
		t.Fatalf("one process ends %+v, with %d learning rates", alone[0], n)
	}
	dir, ends, rates := train(4) // one for each part, which gives the bits of one
	for rank, got := range ends {
		if got.Seconds = alone[0].Seconds; got != alone[0] || !slices.Equal(rates[rank], want[0]) {
			t.Errorf("rank %d ends %+v with the rates %v, one process %+v with %v", rank, got, rates[rank], alone[0], want[0])
		}
	}
	for _, name := range []string{Last, Best} {
		if d := far(tensorsOf(t, one, name), tensorsOf(t, dir, name)); d != 0 {
			t.Errorf("%s: 4 processes are %g from 1", name, d)
		}
	}
}
