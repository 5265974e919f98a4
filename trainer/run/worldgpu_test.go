package run

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// wired are ranks of this process whose simulated GPUs have a network, which breaks when one of them aborts, as a process
// that ends does to it.
type wired struct {
	parallel.Communicator
	network *sim.Network
}

func (w wired) Abort(why error) {
	w.Communicator.Abort(why)
	w.network.Break(why)
}

// trainOnGPUs trains a task with two ranks, each on a GPU of its own, as device.NCCL says.
func trainOnGPUs(t *testing.T, dir, nccl string, task func(rank int, opts ...Option) (Task, error)) (gpus [2]*sim.GPU, errs [2]error) {
	t.Helper()
	t.Setenv(device.NCCL, nccl)
	network := sim.NewNetwork()
	var all sync.WaitGroup
	for rank, c := range parallel.Local(2) {
		gpus[rank] = sim.New(sim.Config{Network: network})
		reach := device.Driver{Built: true, Open: func(int) (driver.GPU, error) { return gpus[rank], nil }}
		all.Go(func() {
			world := wired{c, network}
			errs[rank] = func() error {
				d, err := device.Open(device.CUDA, device.World(world), device.Using(reach))
				if err != nil {
					return err
				}
				task, err := task(rank, InWorld(world), On(d))
				if err != nil {
					return err
				}
				defer task.Close()
				_, err = Train(context.Background(), dir, task, Options{Report: drifts{t: t}})
				return err
			}()
			if errs[rank] != nil {
				world.Abort(errs[rank])
			}
		})
	}
	all.Wait()
	return gpus, errs
}

// drifts fails if the weights of the ranks, which are compared at each checkpoint, are not the same.
type drifts struct {
	silent
	t *testing.T
}

func (d drifts) Notice(message string) {
	if strings.Contains(message, "no longer those of rank 0") {
		d.t.Error(message)
	}
}

// smallest is a model that simulated GPUs train quickly: in parts parts, of which each process has its share.
func smallest(t *testing.T, parts, steps int, opts ...Option) (Task, error) {
	c := jointConfig(TaskLM, steps)
	c.Model.Hidden, c.Model.Embed, c.Model.Layers, c.Model.Dropout = 4, 0, 1, 0
	c.Training.Batch, c.Training.Seq, c.Training.Accumulate, c.Training.ValidEvery = 1, 3, parts, steps
	s := strings.Repeat("abcab", 40)
	text, err := datasets.NewText("text", s)
	if err != nil {
		t.Fatal(err)
	}
	return NewLM(c, text, nil, opts...)
}

// Whether GPUs sum gradients among themselves or through their hosts, the training is the same, and so are all ranks.
func TestTrainOnGPUs(t *testing.T) {
	const steps = 2
	for _, parts := range []int{2, 4} { // with one part each sum is wanted, with two the second is
		dir := t.TempDir()
		for path, sums := range map[string]int{"off": 0, "must": steps} {
			gpus, errs := trainOnGPUs(t, filepath.Join(dir, path), path, func(rank int, opts ...Option) (Task, error) {
				return smallest(t, parts, steps, opts...)
			})
			if errs[0] != nil || errs[1] != nil {
				t.Fatalf("%d parts, %s: %v", parts, path, errs)
			}
			for rank, gpu := range gpus {
				if got := gpu.Stats().Sums; got != sums {
					t.Errorf("%d parts, %s: GPU %d has made %d sums, want %d", parts, path, rank, got, sums)
				}
			}
		}
		host, among := tensorsOf(t, filepath.Join(dir, "off"), Last), tensorsOf(t, filepath.Join(dir, "must"), Last)
		if d := far(host, among); d > 1e-6 {
			t.Errorf("%d parts: weights and states differ by %g", parts, d)
		}
	}
}

// brokenTask fails in a step.
type brokenTask struct {
	Task
	err error
}

func (b *brokenTask) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if before == 1 {
		return 0, 0, 0, b.err
	}
	return b.Task.Step(before, rate)
}

func (b *brokenTask) Files() map[string][]byte { return b.Task.(filed).Files() }
func (b *brokenTask) Verify(dir string) error  { return b.Task.(filed).Verify(dir) }

// A process that cannot go on leaves none waiting for its GPU.
func TestTrainOnGPUsEnds(t *testing.T) {
	lost := errors.New("the disk has gone")
	_, errs := trainOnGPUs(t, filepath.Join(t.TempDir(), "run"), "must", func(rank int, opts ...Option) (Task, error) {
		task, err := smallest(t, 2, 3, opts...)
		if rank == 1 {
			task = &brokenTask{task, lost}
		}
		return task, err
	})
	if !errors.Is(errs[1], lost) || !strings.HasPrefix(errs[1].Error(), "step 2: ") {
		t.Errorf("rank 1: the error is %v", errs[1])
	}
	if !errors.Is(errs[0], lost) {
		t.Errorf("rank 0: the error is %v", errs[0])
	}
}
