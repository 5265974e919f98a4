//go:build mpi && linux

package parallel_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/parallel"
)

// launchers are those of the two MPIs, with what they need to start 3 processes as anyone on few processors.
var launchers = map[string][]string{
	"Open MPI": {"mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1", "-n", "3"},
	"MPICH":    {"mpirun.mpich", "-n", "3"},
}

// inRank says what a test binary that a launcher has started is to do.
const inRank = "UNROLL_MPI_TEST"

func TestMain(m *testing.M) {
	do := map[string]func() int{"together": together, "abort": abort, "open": open}[os.Getenv(inRank)]
	if do == nil {
		os.Exit(m.Run())
	}
	os.Exit(do())
}

// fail says what is wrong and gives an exit code of a test.
func fail(format string, args ...any) int {
	fmt.Printf(format+"\n", args...)
	return 1
}

func open() int {
	w, err := parallel.MPI(nil)
	if unavailable := (*parallel.MPIUnavailableError)(nil); errors.As(err, &unavailable) {
		fmt.Println(err)
		return 69
	} else if err != nil {
		return fail("%v", err)
	}
	if err := w.Close(); err != nil {
		return fail("%v", err)
	}
	return 0
}

// abort ends all processes with the code of one.
func abort() int {
	w, err := parallel.MPI(func(err error) int { fmt.Println(err); return 74 })
	if err != nil {
		return fail("%v", err)
	}
	if w.Rank() == 1 {
		w.Abort(errors.New("the disk is full"))
	}
	_, err = w.Vote(0)
	return fail("%v", err)
}

// together tries all that processes do together, with data of more than one piece.
func together() int {
	w, err := parallel.MPI(nil)
	if err != nil {
		return fail("%v", err)
	}
	n, r := w.Size(), w.Rank()
	if n != 3 {
		return fail("%d processes", n)
	}
	x := make([]float32, 1<<20+5)
	for i := range x {
		x[i] = float32(r + i%7)
	}
	if err := w.Sum(x); err != nil {
		return fail("%v", err)
	}
	for i := range x {
		if want := float32(3 + 3*(i%7)); x[i] != want {
			return fail("x[%d] is %v, want %v", i, x[i], want)
		}
	}
	if err := w.Sum(nil); err != nil {
		return fail("%v", err)
	}
	if bits, err := w.Vote(1 << (31 - r)); err != nil || bits != 7<<29 {
		return fail("the vote is %b, %v", bits, err)
	}
	for _, size := range []int{0, 5, 1<<20 + 3} {
		all, err := w.Gather(bytes.Repeat([]byte{byte(r)}, size*r))
		if err != nil || len(all) != n {
			return fail("gathered %d, %v", len(all), err)
		}
		for from, got := range all {
			if !bytes.Equal(got, bytes.Repeat([]byte{byte(from)}, size*from)) {
				return fail("of %d bytes from rank %d came %d others", size*from, from, len(got))
			}
		}
		data := bytes.Repeat([]byte{byte(r + 1)}, 5*size)
		if got, err := w.Bcast(data); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{1}, 5*size)) {
			return fail("from rank 0 came %d bytes, %v", len(got), err)
		}
	}
	fmt.Println("together by", w.Library())
	if err := w.Close(); err != nil {
		return fail("%v", err)
	}
	return 0
}

// launch starts this test binary by a launcher.
func launch(t *testing.T, library, do string, env ...string) (output string, code int) {
	t.Helper()
	args := launchers[library]
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("%s is not installed", args[0])
	}
	cmd := exec.Command(args[0], append(args[1:], os.Args[0])...)
	cmd.Env = append(append(os.Environ(), inRank+"="+do), env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestTogether(t *testing.T) {
	for library := range launchers {
		t.Run(library, func(t *testing.T) {
			out, code := launch(t, library, "together")
			if code != 0 || strings.Count(out, "together by "+library) != 3 {
				t.Errorf("exit code %d\n%s", code, out)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	for library := range launchers {
		t.Run(library, func(t *testing.T) {
			if out, code := launch(t, library, "abort"); code != 74 || !strings.Contains(out, "the disk is full") {
				t.Errorf("exit code %d, want 74\n%s", code, out)
			}
		})
	}
}

// The library of another MPI than that of the launcher is found out, and so is none.
func TestUnavailable(t *testing.T) {
	other := map[string]string{"Open MPI": "libmpich.so.12", "MPICH": "libmpi.so.40"}
	for library := range launchers {
		t.Run(library, func(t *testing.T) {
			out, code := launch(t, library, "open", "UNROLL_MPI_LIBRARY="+other[library])
			if code != 69 || !strings.Contains(out, "3 processes were started") {
				t.Errorf("the other library: exit code %d, want 69\n%s", code, out)
			}
			out, code = launch(t, library, "open", "UNROLL_MPI_LIBRARY="+filepath.Join(t.TempDir(), "libmpi.so"))
			if code != 69 || !strings.Contains(out, "install Open MPI or MPICH") {
				t.Errorf("no library: exit code %d, want 69\n%s", code, out)
			}
		})
	}
}
