package run

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/device"
)

// planner is a model that can say how much memory training takes; see trainer.
type planner interface {
	Allow(memory int64)
	Plan(train func() error) (trainer.Memory, error)
}

// plannedTask is a task with such a model.
type plannedTask interface {
	planner
	largest() error
}

// plan compiles the training step for the largest batch, and says in a line how much memory it will take. "" if the
// task cannot say.
func (r *training) plan() (string, error) {
	t, ok := r.task.(plannedTask)
	if !ok {
		return "", nil
	}
	// What is not the program's: this process as it stands and, when weights are saved, a copy of them and of
	// the state. A GPU has memory of its own.
	besides, where := int64(0), " on the GPU"
	if r.task.Device() != device.CUDA {
		besides, where = peakMemory()+r.copied(), ""
	}
	allowed := r.config.Running.Memory
	if allowed > 0 {
		t.Allow(max(1, allowed-besides))
	}
	m, err := t.Plan(t.largest)
	if small := (*graph.MemoryError)(nil); errors.As(err, &small) {
		return "", settings("`memory` is %s, and training takes at least %s: allow that, or choose a smaller "+
			"model, batch or length",
			words.Bytes(allowed), words.Bytes(roundedUp(small.Least+besides)))
	}
	if err != nil || m == (trainer.Memory{}) {
		return "", err
	}
	line := fmt.Sprintf("memory: about %s%s; weights %s, training state %s, activations %s", words.Bytes(m.Total()+besides),
		where, words.Bytes(m.Parameters), words.Bytes(m.State), words.Bytes(m.Activations))
	if m.Recompute > 0 {
		line += fmt.Sprintf("; every %s state is kept, and the way back computes the others again", ordinal(m.Recompute))
	}
	return line, nil
}

// device says in a line what is computed on, and why.
func (r *training) device() string {
	on, asked := r.task.Device(), r.config.Running.Device
	threads := ""
	if on == device.CPU {
		threads = ", " + words.Count(cmp.Or(r.config.Running.Threads, runtime.NumCPU()), "thread", "threads")
	}
	switch {
	case asked != device.Auto:
		return fmt.Sprintf("device: %s%s, as asked for", on, threads)
	case on == device.CUDA:
		return "device: cuda, for there is a GPU"
	case !device.OwnDriver.Built:
		return fmt.Sprintf("device: %s%s, for this program is built without GPUs", on, threads)
	}
	return fmt.Sprintf("device: %s%s, for no GPU can be used", on, threads)
}

// copied is how many bytes a copy of the weights and of the training state takes.
func (r *training) copied() (n int64) {
	if t, ok := r.task.(plannedTask); ok {
		m, _ := t.Plan(func() error { return nil })
		n = m.Parameters + m.State
	}
	return n
}

// roundedUp is n with two digits, rounded up: what words.Bytes writes of it is enough.
func roundedUp(n int64) int64 {
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit - 1) / unit * unit
}

// ordinal is n as in "every 2nd".
func ordinal(n int) string {
	end := "th"
	if n%100/10 != 1 {
		end = [10]string{1: "st", 2: "nd", 3: "rd"}[n%10]
	}
	if end == "" {
		end = "th"
	}
	return words.Thousands(n) + end
}
