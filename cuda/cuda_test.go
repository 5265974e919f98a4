package cuda_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/devicetest"
)

func TestDevice(t *testing.T) {
	devicetest.Run(t, cuda.New(sim.New(sim.Config{})))
}
