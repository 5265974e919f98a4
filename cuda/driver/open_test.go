//go:build gpu && linux && cgo

package driver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver/internal/fake"
)

// Open on machines of many kinds, each a process of its own that finds other libraries.
func TestOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles several fake drivers")
	}
	whole := t.TempDir()
	libs, err := fake.Build(whole)
	if err != nil {
		t.Fatal(err)
	}
	blas := "UNROLL_LIBCUBLAS=" + libs.CUBLAS
	for _, c := range []struct {
		machine string
		env     string
		want    string
	}{
		{"with all", "", "opened: <nil>"},
		{"without a driver", "UNROLL_LIBCUDA=libcuda.so.0", "no GPU: libcuda.so.0: cannot open shared object file: No such file or directory; install NVIDIA's driver"},
		{"without cuBLAS", "UNROLL_LIBCUBLAS=libcublas.so.0", "no GPU: libcublas.so.0: cannot open shared object file: No such file or directory; install cuBLAS 12 (part of the CUDA toolkit), or name its file in UNROLL_LIBCUBLAS"},
		{"with an old driver", "FAKE_VERSION=11070", "no GPU: the driver is for CUDA 11.7, needed is one for 11.8 or newer"},
		{"with a driver just new enough", "FAKE_VERSION=11080", "opened: <nil>"},
		{"with a driver of the future", "FAKE_VERSION=14020", "opened: <nil>"},
		{"without a GPU", "FAKE_INIT=100", "no GPU: the driver does not start: no CUDA-capable device is detected (CUDA error 100)"},
		{"with all GPUs hidden", "FAKE_DEVICES=0", "no GPU: there is no GPU 0: the driver shows 0"},
	} {
		t.Run(c.machine, func(t *testing.T) {
			if got := open(t, "UNROLL_LIBCUDA="+libs.CUDA, blas, c.env); got != c.want {
				t.Errorf("got:  %s\nwant: %s", got, c.want)
			}
		})
	}
	// A function that is missing is an error with its name, wherever it is called.
	for _, c := range []struct{ function, want string }{
		{"cuGraphInstantiateWithFlags", "opened: cuGraphInstantiateWithFlags: "},
		{"cuStreamCreate", "opened: cuStreamCreate: "}, // called by gorgonia.org/cu
		{"cuInit", "no GPU: the driver does not start: "},
		{"cublasGetProperty", "no GPU: cublasGetProperty: "},
	} {
		t.Run("with libraries that lack "+c.function, func(t *testing.T) {
			libs, err := fake.Build(t.TempDir(), "-D"+c.function+"=absent")
			if err != nil {
				t.Fatal(err)
			}
			want := c.want + "the library has no function " + c.function + ": it is too old"
			if got := open(t, "UNROLL_LIBCUDA="+libs.CUDA, "UNROLL_LIBCUBLAS="+libs.CUBLAS); got != want {
				t.Errorf("got:  %s\nwant: %s", got, want)
			}
		})
	}
	// By name, as the dynamic loader finds them; a cuBLAS that is newer than the driver is passed over.
	env := []string{"UNROLL_LIBCUDA=", "UNROLL_LIBCUBLAS=", "LD_LIBRARY_PATH=" + whole}
	for _, c := range []struct{ name, want string }{
		{"libcublas.so.12", "opened: <nil>"},
		{"libcublas.so.11", "opened: <nil>"},
		{"libcublas.so.13", "no GPU: libcublas.so.12: cannot open shared object file: No such file or directory; install cuBLAS 12 (part of the CUDA toolkit), or name its file in UNROLL_LIBCUBLAS"},
	} {
		t.Run("with "+c.name, func(t *testing.T) {
			file := filepath.Join(whole, c.name)
			if err := os.Rename(libs.CUBLAS, file); err != nil {
				t.Fatal(err)
			}
			libs.CUBLAS = file
			if got := open(t, env...); got != c.want {
				t.Errorf("got:  %s\nwant: %s", got, c.want)
			}
		})
	}
}

// open is what a process says that has this environment and opens a GPU.
func open(t *testing.T, env ...string) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), asChild+"=1"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
