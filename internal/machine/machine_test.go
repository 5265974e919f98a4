package machine

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Which files a library was loaded from: each once, and no other library whose name begins so.
func TestMapped(t *testing.T) {
	const maps = `7f10-7f11 r--p 00000000 08:01 11 /usr/lib/libcuda.so.535.54
7f11-7f12 r-xp 00001000 08:01 11 /usr/lib/libcuda.so.535.54
7f12-7f13 r--p 00000000 08:01 12 /opt/cuda/libcublas.so.12
7f13-7f14 r--p 00000000 08:01 13 /opt/cuda/libcublasLt.so.12
7f14-7f15 rw-p 00000000 00:00 0
7f15-7f16 rw-p 00000000 00:00 0 [heap]
`
	want := []string{"/usr/lib/libcuda.so.535.54", "/opt/cuda/libcublas.so.12"}
	if got := mapped(maps, "libcuda", "libcublas"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A device works if its numbers are near those of the reference device.
func TestFailure(t *testing.T) {
	nan := float64(0)
	nan /= nan
	for _, c := range []struct {
		worst float64
		err   error
		want  string
	}{
		{1e-6, nil, ""}, {1e-3, nil, "differ"}, {nan, nil, "differ"}, {0, errors.New("no\nmemory"), "no; memory"},
	} {
		if got := failure(c.worst, c.err); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%g, %v: %q, want %q", c.worst, c.err, got, c.want)
		}
	}
}

// What is said of the CPU is of a device that works.
func TestCPUSide(t *testing.T) {
	s, err := CPUSide(1, "bf16")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.What, CPUName()) || !strings.Contains(s.What, "1 thread, ") ||
		!strings.HasSuffix(s.What, ", bf16") || s.Square < 1 {
		t.Errorf("%q, a square of %d", s.What, s.Square)
	}
}
