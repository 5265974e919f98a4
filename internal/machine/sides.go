package machine

import (
	"fmt"
	"runtime"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/bench/fma"
	"github.com/unroll-ml/unroll/internal/bench/side"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
)

// Sides are the devices to measure that a name stands for; device.Auto is the CPU, and the GPU if there is one.
// If there is none where one may be, noGPU says why. The options are for opening it.
func Sides(name, precision string, threads int, opts ...device.Option) (all []*side.Side, noGPU string, err error) {
	switch name {
	case "ref":
		return []*side.Side{{Device: ref.New(), What: "plain loops", Square: 128}}, "", nil
	case "cpu", device.Auto:
		c, err := CPUSide(threads)
		if err != nil || name == "cpu" {
			return []*side.Side{c}, "", err
		}
		all = append(all, c)
	}
	on, gpu, err := device.OpenGPU(opts...)
	switch {
	case err == nil:
		what := gpu.Info().Name + ", " + precision
		return append(all, &side.Side{Device: on, What: what, Square: 4096}), "", nil
	case name == device.CUDA:
		return nil, "", &device.MissingError{Asked: "device cuda", Err: err}
	case precision != device.FP32:
		return nil, "", &device.MissingError{Asked: "precision " + precision, Err: err}
	}
	return all, words.OneLine(err.Error()), nil
}

// CPUSide is the CPU with its instruction path and the most arithmetic that it does.
func CPUSide(threads int) (*side.Side, error) {
	path, err := cpu.Path()
	if err != nil {
		return nil, err
	}
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &side.Side{
		Device: cpu.New(cpu.Threads(threads)),
		What:   fmt.Sprintf("%s, %s, %s", CPUName(), words.Count(threads, "thread", "threads"), path),
		Peak:   fma.Peak(path, threads, 50*time.Millisecond), Square: 1024,
	}, nil
}
