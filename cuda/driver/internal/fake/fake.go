//go:build gpu && linux && cgo

package fake

/*
#include <dlfcn.h>
#include <stdlib.h>

static const char *callString(void *f) { return ((const char *(*)(void))f)(); }
static void callFail(void *f, const char *name, int code, int after) { ((void (*)(const char *, int, int))f)(name, code, after); }
static long callCount(void *f) { return ((long (*)(void))f)(); }
*/
import "C"

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/unroll-ml/unroll/cuda/driver/internal/include"
)

//go:embed lib
var sources embed.FS

// Libraries are built libraries: paths for UNROLL_LIBCUDA, UNROLL_LIBCUBLAS and UNROLL_LIBNCCL.
type Libraries struct{ CUDA, CUBLAS, NCCL string }

// Build compiles them into a folder. flags are for the compiler: -DcuGraphLaunch=absent leaves a function out.
//
// The driver's environment can make it an old one (FAKE_VERSION=11070), one without GPUs (FAKE_DEVICES=0), one
// that does not start (FAKE_INIT=100).
func Build(dir string, flags ...string) (Libraries, error) {
	source, headers := filepath.Join(dir, "lib"), filepath.Join(dir, "include")
	if err := os.CopyFS(dir, sources); err != nil {
		return Libraries{}, err
	}
	if err := os.CopyFS(headers, include.Files); err != nil {
		return Libraries{}, err
	}
	libs := Libraries{filepath.Join(dir, "libcuda.so.1"), filepath.Join(dir, "libcublas.so.12"), filepath.Join(dir, "libnccl.so.2")}
	args := append([]string{"-O0", "-Wall", "-Wno-format-zero-length", "-Werror", "-shared", "-fPIC", "-I", headers, "-I",
		source}, flags...)
	for _, command := range [][]string{
		{"-o", libs.CUDA, "-Wl,-soname,libcuda.so.1", filepath.Join(source, "driver.c"), filepath.Join(source, "memory.c"), filepath.Join(source, "stream.c"), filepath.Join(source, "module.c")},
		{"-o", libs.CUBLAS, filepath.Join(source, "cublas.c"), "-L" + dir, "-l:libcuda.so.1", "-Wl,-rpath,$ORIGIN"},
		{"-o", libs.NCCL, filepath.Join(source, "nccl.c"), "-L" + dir, "-l:libcuda.so.1", "-Wl,-rpath,$ORIGIN"},
	} {
		if out, err := exec.Command("gcc", append(args, command...)...).CombinedOutput(); err != nil {
			return libs, fmt.Errorf("gcc: %v\n%s", err, out)
		}
	}
	return libs, nil
}

// Control steers a driver that is loaded.
type Control struct{ handle unsafe.Pointer }

// Attach finds the driver at a path. It is the one that package driver uses, if that has loaded it from there.
func Attach(path string) (Control, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	handle := C.dlopen(p, C.RTLD_NOW|C.RTLD_LOCAL)
	if handle == nil {
		return Control{}, fmt.Errorf("dlopen: %s", C.GoString(C.dlerror()))
	}
	return Control{handle}, nil
}

func (c Control) find(name string) unsafe.Pointer {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	return C.dlsym(c.handle, n)
}

// Calls are the calls since it was asked last, each as name(arguments).
func (c Control) Calls() []string {
	return strings.Split(strings.TrimSuffix(C.GoString(C.callString(c.find("fake_calls"))), "\n"), "\n")
}

// Fail makes a call of that function return code, once, after so many that go well.
func (c Control) Fail(name string, code, after int) {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	C.callFail(c.find("fake_fail"), n, C.int(code), C.int(after))
}

// Live is how many things the program has and has not given back: memory, streams, events, modules, graphs, handles.
func (c Control) Live() int { return int(C.callCount(c.find("fake_live"))) }
