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
	for _, c := range []struct {
		machine string
		flags   []string // of the fake
		remove  string   // a library that is not there
		want    string
	}{
		{machine: "with all", want: "opened: <nil>"},
		{"without a driver", nil, "CUDA", "no GPU: DIR/libcuda.so.1: cannot open shared object file: No such file or directory; install NVIDIA's driver"},
		{"without cuBLAS", nil, "CUBLAS", "no GPU: DIR/libcublas.so.12: cannot open shared object file: No such file or directory; install cuBLAS 12 (part of the CUDA toolkit), or name its file in UNROLL_LIBCUBLAS"},
		{"with an old driver", []string{"-DVERSION=11030"}, "", "no GPU: the driver is for CUDA 11.3, needed is one for 11.4 or newer"},
		{"with a driver just new enough", []string{"-DVERSION=11040"}, "", "opened: <nil>"},
		{"without a GPU", []string{"-DINIT=100"}, "", "no GPU: the driver does not start: no CUDA-capable device is detected (CUDA error 100)"},
		{"with all GPUs hidden", []string{"-DDEVICES=0"}, "", "no GPU: there is no GPU 0: the driver shows 0"},
		{"with a driver that lacks a function", []string{"-DcuGraphInstantiateWithFlags=absent"}, "", "opened: cuGraphInstantiateWithFlags: the library has no function cuGraphInstantiateWithFlags: it is too old"},
		{"with a driver that lacks a function of gorgonia.org/cu", []string{"-DcuStreamCreate=absent"}, "", "opened: cuStreamCreate: the library has no function cuStreamCreate: it is too old"},
		{"with a driver that lacks cuInit", []string{"-DcuInit=absent"}, "", "no GPU: the driver does not start: the library has no function cuInit: it is too old"},
		{"with a cuBLAS that lacks a function", []string{"-DcublasGetProperty=absent"}, "", "no GPU: cublasGetProperty: the library has no function cublasGetProperty: it is too old"},
	} {
		t.Run(c.machine, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			libs, err := fake.Build(dir, c.flags...)
			if err != nil {
				t.Fatal(err)
			}
			switch c.remove {
			case "CUDA":
				err = os.Remove(libs.CUDA)
			case "CUBLAS":
				err = os.Remove(libs.CUBLAS)
			}
			if err != nil {
				t.Fatal(err)
			}
			got := open(t, "UNROLL_LIBCUDA="+libs.CUDA, "UNROLL_LIBCUBLAS="+libs.CUBLAS)
			if want := strings.ReplaceAll(c.want, "DIR", dir); got != want {
				t.Errorf("got:  %s\nwant: %s", got, want)
			}
		})
	}
	// By name, as the dynamic loader finds them: the cuBLAS of a major version that the driver cannot serve is passed over.
	t.Run("with libraries where the loader looks", func(t *testing.T) {
		dir := t.TempDir()
		libs, err := fake.Build(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "libcublas.so.13"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		env := []string{"UNROLL_LIBCUDA=", "UNROLL_LIBCUBLAS=", "LD_LIBRARY_PATH=" + dir}
		if got, want := open(t, env...), "opened: <nil>"; got != want {
			t.Errorf("got:  %s\nwant: %s", got, want)
		}
		if err := os.Rename(libs.CUBLAS, filepath.Join(dir, "libcublas.so.11")); err != nil {
			t.Fatal(err)
		}
		if got, want := open(t, env...), "opened: <nil>"; got != want {
			t.Errorf("with cuBLAS 11, got:  %s\nwant: %s", got, want)
		}
	})
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
