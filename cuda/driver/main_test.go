//go:build gpu && linux && cgo

package driver_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/internal/fake"
	"github.com/unroll-ml/unroll/cuda/internal/drivertest"
)

// These variables steer the tests of this package: onGPU runs them on the GPU itself, as far as they can be;
// and a child of one of them, which looks at other libraries, only opens a GPU and says what came of it.
const (
	onGPU   = "UNROLL_TEST_GPU"
	asChild = "UNROLL_TEST_CHILD"

	asCollective = "UNROLL_TEST_COLLECTIVE" // such a child asks it for collectives instead
)

// control steers the fake driver.
var control fake.Control

func TestMain(m *testing.M) {
	os.Exit(func() int {
		switch {
		case os.Getenv(asChild) != "":
			return child()
		case os.Getenv(onGPU) != "":
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "fake")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		defer os.RemoveAll(dir)
		libs, err := fake.Build(dir)
		if err == nil {
			os.Setenv("UNROLL_LIBCUDA", libs.CUDA)
			os.Setenv("UNROLL_LIBCUBLAS", libs.CUBLAS)
			os.Setenv("UNROLL_LIBNCCL", libs.NCCL)
			control, err = fake.Attach(libs.CUDA)
		}
		if err != nil {
			fmt.Println(err)
			return 1
		}
		return m.Run()
	}())
}

// child opens a GPU, and puts one piece of work into a stream.
func child() int {
	gpu, err := driver.Open(0)
	var unavailable *driver.UnavailableError
	if errors.As(err, &unavailable) {
		fmt.Println(err)
		return 0
	}
	if err == nil && os.Getenv(asCollective) != "" {
		sayCollectives(gpu)
		return 0
	}
	if err == nil {
		var s driver.Stream
		if s, err = gpu.NewStream(); err == nil {
			_, err = s.Capture(func() error { return nil })
		}
	}
	fmt.Println("opened:", err)
	return 0
}

// faked is a GPU of the fake driver, closed when the test ends, which must have given everything back.
func faked(t *testing.T) driver.GPU {
	if os.Getenv(onGPU) != "" {
		t.Skip("needs the fake driver")
	}
	gpu, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := control.Live(); n != 0 {
			t.Errorf("%d things were not given back", n)
		}
		if err := gpu.Close(); err != nil {
			t.Error(err)
		}
	})
	control.Calls()
	return gpu
}

// must is x, unless err ends the test.
func must[T any](x T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, func() (driver.GPU, error) { return driver.Open(0) })
}

func TestRanks(t *testing.T) {
	size := 2
	if os.Getenv(onGPU) != "" { // as far as the machine has GPUs, and NCCL
		n, err := driver.Count()
		if err != nil {
			t.Fatal(err)
		}
		size = min(n, size)
		gpu := must(driver.Open(0))(t)
		_, err = gpu.Collectives()
		gpu.Close()
		if err != nil {
			t.Skip(err)
		}
	}
	drivertest.Ranks(t, size, driver.Open)
}
