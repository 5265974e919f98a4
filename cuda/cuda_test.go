package cuda_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/devicetest"
)

func TestDevice(t *testing.T) {
	gpu := sim.New(sim.Config{Shuffle: 1})
	devicetest.Run(t, cuda.New(gpu))
	if s := gpu.Stats(); s.Streams != 2 || s.BLAS != 2 {
		t.Errorf("all programs together made %d streams and %d handles for products, want two of each", s.Streams, s.BLAS)
	}
}
