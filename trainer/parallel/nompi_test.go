//go:build !mpi

package parallel_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Without the tag there is no MPI, and the command needs nothing to load libraries with: it stays static.
func TestWithoutMPI(t *testing.T) {
	var unavailable *parallel.MPIUnavailableError
	if w, err := parallel.MPI(nil); w != nil || !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "-tags mpi") {
		t.Errorf("Open gives %v, %v", w, err)
	}
	for _, c := range []struct {
		tags string
		want bool
	}{{"", false}, {"mpi", true}} {
		out, err := exec.Command("go", "list", "-deps", "-tags", c.tags, "github.com/unroll-ml/unroll/cmd/unroll").Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "ebitengine/purego"); got != c.want {
			t.Errorf("with the tags %q the command has purego: %v, want %v", c.tags, got, c.want)
		}
	}
}
