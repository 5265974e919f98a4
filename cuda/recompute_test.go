package cuda_test

import (
	"fmt"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer"
)

// Training that keeps every K-th state only, and computes the rest again, takes the same steps to the bit, on every
// device: of all models, with segments of one step, of several, and with steps left over.
func TestRecompute(t *testing.T) {
	devices := map[string]func() tape.Device{
		"ref":           func() tape.Device { return ref.New() },
		"cpu":           func() tape.Device { return cpu.New(cpu.Threads(1)) },
		"cpu 3 threads": func() tape.Device { return cpu.New(cpu.Threads(3)) },
		"cuda":          func() tape.Device { return cuda.New(sim.New(sim.Config{})) },
	}
	for _, c := range trainings {
		for name, device := range devices {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				for _, k := range []int{1, 2, 3} {
					if k != 2 && name == "cuda" {
						continue
					}
					again := func(c *trainer.Training) { c.Recompute = k }
					t.Run(fmt.Sprint(k), func(t *testing.T) {
						follows(t, c.open(t, device(), again), c.open(t, device()), 3, 0)
					})
				}
			})
		}
	}
}
