package cuda_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
)

// A training step moves its batch up, its loss and its norm down, and nothing else: parameters, gradients and
// the state of the optimizer stay on the GPU. From the second step on it is one call of the driver.
func TestTraffic(t *testing.T) {
	for _, c := range trainings {
		t.Run(c.name, func(t *testing.T) {
			gpu := sim.New(sim.Config{})
			step := c.open(t, cuda.New(gpu))
			for k := range 4 {
				before := gpu.Stats()
				if _, _, err := step(); err != nil {
					t.Fatal(err)
				}
				after := gpu.Stats()
				if k == 0 {
					continue // compiles, and puts the parameters up
				}
				up, down := after.Uploaded-before.Uploaded, after.Downloaded-before.Downloaded
				if up > 400 || down > 8+8*16 {
					t.Errorf("step %d: %d bytes went up, %d down", k, up, down)
				}
				if after.Launches != before.Launches || after.GraphLaunches != before.GraphLaunches+1 {
					t.Errorf("step %d: %d kernels were launched singly, %d graphs", k, after.Launches-before.Launches,
						after.GraphLaunches-before.GraphLaunches)
				}
				if k == 3 {
					t.Logf("a step: %d kernels, %d products, %d copies and fillings, %d bytes up, %d down",
						after.Kernels-before.Kernels, after.Products-before.Products, after.Moves-before.Moves, up, down)
				}
			}
		})
	}
}
