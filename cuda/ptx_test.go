package cuda_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
)

var dump = flag.String("ptx", "",
	"a folder to which TestPTX writes the kernels of the reference models, for cuda/internal/ptx/ptxas.sh to compile")

// recorder is a GPU that keeps the texts that it compiles.
type recorder struct {
	driver.GPU
	texts []string
}

func (r *recorder) Load(ptx string) (driver.Module, error) {
	r.texts = append(r.texts, ptx)
	return r.GPU.Load(ptx)
}

// kernels is how many kernels were compiled whose names begin so.
func (r *recorder) kernels(prefix string) (n int) {
	for _, text := range r.texts {
		n += strings.Count(text, ".entry "+prefix)
	}
	return n
}

// Each kernel of a model is compiled once, however many instructions and programs use it.
func TestPTX(t *testing.T) {
	generations := []int{9}
	if *dump != "" {
		generations = []int{8, 9} // without early launches, and with them
	}
	for _, generation := range generations {
		for name, precision := range precisions {
			for _, c := range append(slices.Clip(trainings), recurrent("lstm")) {
				r := &recorder{GPU: sim.New(sim.Config{Compute: driver.Version{Major: generation}})}
				step := c.open(t, cuda.New(r, cuda.Precision(precision)))
				if _, _, err := step(); err != nil {
					t.Fatal(err)
				}
				r.once(t, fmt.Sprintf("%s-%s-sm%d0", c.name, name, generation))
			}
		}
	}
}

// once checks that there are kernels, and no kernel twice, and writes the texts to files if that is asked for.
func (r *recorder) once(t *testing.T, name string) {
	if len(r.texts) == 0 {
		t.Errorf("%s has no kernels", name)
	}
	seen := map[string]bool{}
	for i, text := range r.texts {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, ".visible") && seen[line] {
				t.Errorf("%s: compiled twice: %s", name, line)
			}
			seen[line] = true
		}
		if *dump == "" {
			continue
		}
		file := filepath.Join(*dump, strings.ReplaceAll(fmt.Sprintf("%s-%d.ptx", name, i), " ", "-"))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
