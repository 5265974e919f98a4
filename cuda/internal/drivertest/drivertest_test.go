package drivertest_test

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/cuda/internal/drivertest"
)

// The simulator keeps the rules that the GPU keeps.
func TestSimulator(t *testing.T) {
	drivertest.Run(t, func() (driver.GPU, error) { return sim.New(sim.Config{Memory: 64 << 20}), nil })
}

func TestSimulatorRanks(t *testing.T) {
	n := sim.NewNetwork()
	drivertest.Ranks(t, 3, func(int) (driver.GPU, error) { return sim.New(sim.Config{Memory: 64 << 20, Network: n}), nil })
}
