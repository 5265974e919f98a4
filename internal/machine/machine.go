// Package machine says what a machine has to compute on, and whether it works.
//
// It must know neither flags nor exit codes.
package machine

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/bench/fma"
	"github.com/unroll-ml/unroll/internal/bench/side"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
)

// Finding is what there is.
type Finding struct {
	Version    string `json:"version"`
	Go         string `json:"go"`
	System     string `json:"system"`
	GPUSupport bool   `json:"gpu_support"` // of the binary
	CPU        CPU    `json:"cpu"`
	GPU        *GPU   `json:"gpu,omitempty"`
	NoGPU      string `json:"no_gpu,omitempty"`        // why there is none
	Installed  string `json:"nvidia_driver,omitempty"` // of the system, whether the binary can use it or not
	Auto       string `json:"auto"`                    // what --device auto chooses
}

type CPU struct {
	Name    string       `json:"name"`
	Path    string       `json:"path"`
	Threads int          `json:"threads"`
	Peak    float64      `json:"gflop_per_s"` // of multiply-adds; 0: unknown
	Error   runlog.Float `json:"error"`       // of products and functions, from the reference device
	BF16    string       `json:"bf16"`        // how products of bfloat16 are computed
	Failed  string       `json:"failed,omitempty"`
}

type GPU struct {
	Name    string       `json:"name"`
	Compute string       `json:"compute_capability"`
	Units   int          `json:"multiprocessors"`
	Memory  int64        `json:"memory_bytes"`
	Free    int64        `json:"free_bytes"`
	CUDA    string       `json:"cuda"` // that the driver supports
	BLAS    string       `json:"cublas"`
	NCCL    string       `json:"nccl,omitempty"`
	NoNCCL  string       `json:"no_nccl,omitempty"`   // why there is none
	Files   []string     `json:"libraries,omitempty"` // that were loaded
	Error   runlog.Float `json:"error"`
	Failed  string       `json:"failed,omitempty"`
	Pieces  int          `json:"pieces,omitempty"` // of a training step of a small LSTM that are launched one by one
	Piece   float64      `json:"piece_s,omitempty"`
	Floor   float64      `json:"floor_s,omitempty"` // what the launches of the step take at least
	Step    float64      `json:"step_s,omitempty"`  // measured
}

// wrong is a difference from the reference device that rounding does not explain.
const wrong = 1e-4

// Examine looks at the machine and tries what it has. Of the binary it is told whether it can use a GPU; the options
// are for opening that.
func Examine(gpuSupport bool, opts ...device.Option) *Finding {
	f := &Finding{
		Version: Version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		GPUSupport: gpuSupport, Installed: installedDriver(), Auto: "cpu",
	}
	f.examineCPU()
	f.examineGPU(opts)
	return f
}

func (f *Finding) examineCPU() {
	f.CPU = CPU{Name: CPUName(), Threads: runtime.GOMAXPROCS(0)}
	path, err := cpu.Path()
	if err != nil {
		f.CPU.Failed = words.OneLine(err.Error())
		return
	}
	f.CPU.Path = path
	f.CPU.Peak = fma.Peak(path, f.CPU.Threads, 50*time.Millisecond)
	f.CPU.BF16 = roundedBy[path]
	worst, err := side.Check(cpu.New(), ref.New())
	if err == nil {
		var rounded float64
		rounded, err = side.Check(cpu.New(cpu.BFloat16()), ref.New(ref.BFloat16()))
		worst = math.Max(worst, rounded)
	}
	f.CPU.Error, f.CPU.Failed = runlog.Float(worst), failure(worst, err)
}

// roundedBy is how the instruction paths of the CPU compute products of bfloat16.
var roundedBy = map[string]string{
	"avx512bf16": "VDPBF16PS, on pairs",
	"avx512":     "multiply-adds of fp32, and no faster than these",
	"avx2":       "multiply-adds of fp32, and no faster than these",
	"neon":       "multiply-adds of fp64, and slower than fp32",
	"portable":   "multiply-adds of fp64, and slower than fp32",
}

// failure says what is wrong with a device that was checked; "" for nothing.
func failure(worst float64, err error) string {
	switch {
	case err != nil:
		return words.OneLine(err.Error())
	case !(worst < wrong):
		return fmt.Sprintf("its numbers differ from those of the reference device by %.1e", worst)
	}
	return ""
}

func (f *Finding) examineGPU(opts []device.Option) {
	on, gpu, err := device.OpenGPU(opts...)
	if err != nil {
		f.NoGPU = strings.TrimPrefix(words.OneLine(err.Error()), "no GPU: ")
		return
	}
	defer gpu.Close()
	info := gpu.Info()
	g := &GPU{
		Name: info.Name, Compute: info.Compute.String(), Units: info.Multiprocessors, Memory: info.Memory,
		CUDA: info.Driver.String(), BLAS: info.BLAS.String(),
	}
	if v, err := gpu.Collectives(); err == nil {
		g.NCCL = v.String()
	} else {
		g.NoNCCL = strings.TrimPrefix(words.OneLine(err.Error()), "no NCCL: ")
	}
	g.Files = loaded("libcuda", "libcublas", "libnccl")
	f.GPU, f.Auto = g, device.CUDA
	if g.Free, err = gpu.Free(); err == nil {
		var worst float64
		worst, err = side.Check(on, ref.New())
		g.Error = runlog.Float(worst)
	}
	if g.Failed = failure(float64(g.Error), err); g.Failed != "" {
		return
	}
	small, err := side.Small(on)
	if err != nil {
		g.Failed = words.OneLine(err.Error())
		return
	}
	if small.Floor != nil {
		g.Pieces, g.Floor, g.Step = small.Floor.Pieces, small.Floor.Launches, small.Median
		g.Piece = g.Floor / float64(g.Pieces)
	}
}

// Words are what a person reads.
func (f *Finding) Words() string {
	var b strings.Builder
	support := "built without GPU support"
	if f.GPUSupport {
		support = "built with GPU support"
	}
	fmt.Fprintf(&b, "unroll  %s, %s, %s, %s\n", f.Version, f.Go, f.System, support)
	c := &f.CPU
	fmt.Fprintf(&b, "CPU     %s, %s, %s", c.Name, words.Count(c.Threads, "thread", "threads"), c.Path)
	if c.Peak > 0 {
		fmt.Fprintf(&b, ", %.0f GFLOP/s of multiply-adds", c.Peak)
	}
	fmt.Fprintf(&b, "\n        %s\n", health(c.Failed, float64(c.Error)))
	if c.BF16 != "" {
		fmt.Fprintf(&b, "        --precision bf16: products by %s\n", c.BF16)
	}
	if g := f.GPU; g != nil {
		fmt.Fprintf(&b, "GPU     %s, compute capability %s, %d multiprocessors, %.1f GiB, %.1f GiB free\n", g.Name,
			g.Compute, g.Units, gibi(g.Memory), gibi(g.Free))
		fmt.Fprintf(&b, "        %s\n", health(g.Failed, float64(g.Error)))
		if g.Pieces > 0 {
			fmt.Fprintf(&b, "        a small kernel takes %.1f µs; a training step of a small LSTM, %d kernels and "+
				"copies: at least %.0f µs, measured %.0f µs\n", 1e6*g.Piece, g.Pieces, 1e6*g.Floor, 1e6*g.Step)
		}
		fmt.Fprintf(&b, "driver  %sCUDA %s, needed is %v or newer; cuBLAS %s\n", prefixed(f.Installed, ", "), g.CUDA,
			driver.Oldest, g.BLAS)
		if g.NCCL != "" {
			fmt.Fprintf(&b, "NCCL    %s: GPUs of several processes sum gradients among themselves\n", g.NCCL)
		} else {
			fmt.Fprintf(&b, "NCCL    none: %s; several processes sum gradients through their hosts\n", g.NoNCCL)
		}
		for _, file := range g.Files {
			fmt.Fprintf(&b, "        %s\n", file)
		}
	} else {
		fmt.Fprintf(&b, "GPU     none: %s\n", f.NoGPU)
		found := "none"
		if f.Installed != "" {
			found = "NVIDIA " + f.Installed
		}
		fmt.Fprintf(&b, "driver  %s; needed is one for CUDA %v or newer, and cuBLAS 11 to 13\n", found, driver.Oldest)
	}
	for _, variable := range []string{"UNROLL_LIBCUDA", "UNROLL_LIBCUBLAS", "UNROLL_LIBNCCL"} {
		if file := os.Getenv(variable); file != "" {
			fmt.Fprintf(&b, "        %s=%s\n", variable, file)
		}
	}
	why := "there is a GPU"
	if f.GPU == nil {
		why = "there is no GPU that it can use"
	}
	fmt.Fprintf(&b, "auto    --device auto computes on %s, as %s\n", f.Auto, why)
	return b.String()
}

func prefixed(s, separator string) string {
	if s == "" {
		return ""
	}
	return s + separator
}

func health(failed string, worst float64) string {
	if failed != "" {
		return "does not work: " + failed
	}
	return fmt.Sprintf("works: products and functions differ from the reference device's by %.1e at most", worst)
}

func gibi(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// CPUName is what the processor calls itself, where Linux tells.
func CPUName() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`).FindSubmatch(data); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOARCH
}

// installedDriver is the version of the system's NVIDIA driver, where Linux tells; "" for none.
func installedDriver() string {
	data, err := os.ReadFile("/proc/driver/nvidia/version")
	if m := regexp.MustCompile(`\s(\d+\.[\d.]+)\s`).FindSubmatch(data); err == nil && m != nil {
		return string(m[1])
	}
	return ""
}

// loaded are the files of shared libraries of this process whose names begin so, where Linux tells.
func loaded(names ...string) []string {
	data, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	return mapped(string(data), names...)
}

// mapped are those that a list of mapped memory names, as Linux writes it.
func mapped(maps string, names ...string) (files []string) {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) < 6 || slices.Contains(files, fields[5]) {
			continue
		}
		for _, name := range names {
			if strings.HasPrefix(filepath.Base(fields[5]), name+".so") {
				files = append(files, fields[5])
			}
		}
	}
	return files
}
