package machine

import (
	"fmt"
	"runtime"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu"
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
		d, err := device.Open(name, opts...)
		return []*side.Side{{Device: d, What: "plain loops, " + precision, Square: 128}}, "", err
	case "cpu", device.Auto:
		own := precision
		if device.NeedsGPU(precision) {
			own = device.FP32
		}
		c, err := CPUSide(threads, own)
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
	case device.NeedsGPU(precision):
		return nil, "", &device.MissingError{Asked: "precision " + precision, Err: err}
	}
	return all, words.OneLine(err.Error()), nil
}

// CPUSide is the CPU with its instruction path and the most arithmetic that it does in fp32.
func CPUSide(threads int, precision string) (*side.Side, error) {
	path, err := cpu.Path()
	if err != nil {
		return nil, err
	}
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	d, err := device.Open(device.CPU, device.Threads(threads), device.Precision(precision))
	if err != nil {
		return nil, err
	}
	return &side.Side{
		Device: d,
		What:   fmt.Sprintf("%s, %s, %s, %s", CPUName(), words.Count(threads, "thread", "threads"), path, precision),
		Peak:   fma.Peak(path, threads, 50*time.Millisecond), Square: 1024,
	}, nil
}
