//go:build gpu && linux && cgo

package cuda_test

import (
	"os"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// onGPU is the environment variable that lets the tests of this file run: on the GPU itself.
const onGPU = "UNROLL_TEST_GPU"

// held keeps the GPU's context from one test to the next: to make it anew takes its time, and cuBLAS may not
// outlive it.
var held = sync.OnceValues(func() (driver.GPU, error) { return driver.Open(0) })

func realGPU(t *testing.T, opts ...cuda.Option) *cuda.Device {
	t.Helper()
	if os.Getenv(onGPU) == "" {
		t.Skipf("runs on a GPU, with %s=1", onGPU)
	}
	if _, err := held(); err != nil {
		t.Fatal(err)
	}
	gpu, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	refused := cuda.Uncaptured(func(err error) { t.Errorf("a run was not captured: %v", err) })
	d := cuda.New(gpu, append(opts, refused)...)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := gpu.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// The GPU keeps the contract of devices, whether runs are captured or not.
func TestGPUDevice(t *testing.T) {
	devicetest.Run(t, realGPU(t))
}

// So it does for programs that share memory.
func TestGPUSharing(t *testing.T) {
	devicetest.RunSharer(t, realGPU(t), tape.Float32)
}

func TestGPUDeviceWithoutCapture(t *testing.T) {
	devicetest.Run(t, realGPU(t, cuda.Capture(false)))
}

// Training on the GPU follows the curves of the reference device for 20 steps.
func TestGPUModels(t *testing.T) {
	for _, c := range trainings {
		t.Run(c.name, func(t *testing.T) {
			follows(t, c.open(t, realGPU(t)), c.open(t, ref.New()), 20, 1e-4)
		})
	}
}

// Steps are exact where they can be, and models of them follow the reference device as far as
// rounded products allow.
func TestGPUSteps(t *testing.T) {
	for name, tolerance := range map[string]float64{"fp32": 1e-5, "tf32": 1e-3, "bf16": 1e-2} {
		precision := cuda.Precision(precisions[name])
		t.Run(name, func(t *testing.T) { stepsAreExact(t, realGPU(t, precision), 80) })
		for _, cell := range []string{"rnn", "lstm", "gru"} {
			c := recurrent(cell)
			t.Run(name+" "+cell,
				func(t *testing.T) { follows(t, c.open(t, realGPU(t, precision)), c.open(t, ref.New()), 20, tolerance) })
		}
	}
}
