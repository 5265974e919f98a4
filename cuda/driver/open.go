//go:build gpu && linux && cgo

package driver

/*
#include <cublas_v2.h>
*/
import "C"

import (
	"fmt"
	"os"
	"sync"

	"gorgonia.org/cu"

	"github.com/unroll-ml/unroll/cuda/driver/internal/dl"
)

// Built says whether this build can reach GPUs.
const Built = true

// Open makes the GPU of that number ready for use: it loads the driver and cuBLAS, takes the device's primary
// context and asks what the device is. *UnavailableError says what is lacking.
//
// The driver is libcuda.so.1, cuBLAS is libcublas.so.13, .12 or .11, the newest that the driver can serve,
// where the dynamic loader finds them (LD_LIBRARY_PATH) or in the usual folders. The environment variables
// UNROLL_LIBCUDA and UNROLL_LIBCUBLAS name other files.
//
// Several opened GPUs of one number share one context: what was made in it goes when the last of them is closed.
func Open(ordinal int) (GPU, error) {
	n, err := Count()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= n {
		return nil, unavailable("there is no GPU %d: the driver shows %d", ordinal, n)
	}
	d := new(device)
	if d.cu, err = cu.GetDevice(ordinal); err != nil {
		return nil, unavailable("GPU %d: %v", ordinal, result(code(err)))
	}
	if d.info, err = describe(d.cu); err != nil {
		return nil, unavailable("GPU %d: %v", ordinal, result(code(err)))
	}
	libs, _ := libraries() // Count has loaded them
	d.info.Driver, d.info.BLAS = libs.driver, libs.blas
	if d.context, err = d.cu.RetainPrimaryCtx(); err != nil {
		return nil, unavailable("GPU %d (%s): no context: %v", ordinal, d.info.Name, result(code(err)))
	}
	return d, nil
}

// Count is how many GPUs the driver shows to this process: CUDA_VISIBLE_DEVICES hides others. *UnavailableError as Open.
func Count() (int, error) {
	if _, err := libraries(); err != nil {
		return 0, err
	}
	n, err := cu.NumDevices()
	if err != nil {
		return 0, unavailable("%v", result(code(err)))
	}
	return n, nil
}

func unavailable(format string, args ...any) error {
	return &UnavailableError{Reason: fmt.Sprintf(format, args...)}
}

// found is what is known of the libraries once they are loaded.
type found struct{ driver, blas Version }

// libraries loads both and initialises the driver, once: the outcome does not change while the process lives.
var libraries = sync.OnceValues(func() (f found, err error) {
	// The two folders are where containers and Windows keep the driver.
	if err := load(dl.CUDA, "UNROLL_LIBCUDA", "libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1",
		"/usr/lib/wsl/lib/libcuda.so.1"); err != nil {
		return f, unavailable("%v; install NVIDIA's driver", err)
	}
	if r := result(dl.Init()); r != C.CUDA_SUCCESS {
		return f, unavailable("the driver does not start: %v", r)
	}
	v := cu.Version() // such as 12040
	f.driver = Version{v / 1000, v % 1000 / 10}
	if f.driver.before(Oldest) {
		return f, unavailable("the driver is for CUDA %v, needed is one for %v or newer", f.driver, Oldest)
	}
	var files []string
	for major := min(f.driver.Major, 13); major >= 11; major-- {
		files = append(files, fmt.Sprintf("libcublas.so.%d", major),
			fmt.Sprintf("/usr/local/cuda/lib64/libcublas.so.%d", major))
	}
	if err := load(dl.CUBLAS, "UNROLL_LIBCUBLAS", files...); err != nil {
		return f, unavailable("%v; install cuBLAS %d (part of the CUDA toolkit), or name its file in UNROLL_LIBCUBLAS", err,
			min(f.driver.Major, 13))
	}
	var major, minor C.int
	for _, s := range []C.cublasStatus_t{
		C.cublasGetProperty(C.MAJOR_VERSION, &major), C.cublasGetProperty(C.MINOR_VERSION, &minor),
	} {
		if s != C.CUBLAS_STATUS_SUCCESS {
			return f, unavailable("cublasGetProperty: %v", status(s))
		}
	}
	f.blas = Version{int(major), int(minor)}
	return f, nil
})

// load opens the file that the environment variable names, or else the first of files that is there. The error
// is that of the first.
func load(l dl.Library, variable string, files ...string) error {
	if file := os.Getenv(variable); file != "" {
		files = []string{file}
	}
	var first error
	for _, file := range files {
		err := dl.Open(l, file)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func describe(d cu.Device) (info Info, err error) {
	if info.Name, err = d.Name(); err != nil {
		return info, err
	}
	if info.Memory, err = d.TotalMem(); err != nil {
		return info, err
	}
	for _, a := range []struct {
		attribute cu.DeviceAttribute
		to        *int
	}{
		{cu.ComputeCapabilityMajor, &info.Compute.Major},
		{cu.ComputeCapabilityMinor, &info.Compute.Minor},
		{cu.MultiprocessorCount, &info.Multiprocessors},
		{cu.MaxSharedMemoryPerBlock, &info.SharedPerBlock},
		{cu.MaxThreadsPerBlock, &info.MaxThreads},
	} {
		if *a.to, err = d.Attribute(a.attribute); err != nil {
			return info, err
		}
	}
	// Not every GPU tells these.
	if id, err := d.UUID(); err == nil {
		info.UUID = "GPU-" + id.String()
	}
	info.ClockKHz, _ = d.Attribute(cu.MemoryClockRate)
	info.BusBit, _ = d.Attribute(cu.GlobalMemoryBusWidth)
	return info, nil
}

func (v Version) before(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}
