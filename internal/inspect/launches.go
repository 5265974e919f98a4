package inspect

import (
	"fmt"
	"io"
	"strings"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
)

// ampere is the compute capability from which on all precisions have kernels of steps; later ones have the same.
var ampere = driver.Version{Major: 8}

// WriteLaunches says how many kernels, products and copies a run of the program puts onto a GPU, in each precision:
// what a step takes there at least, times what a launch takes. No GPU is needed. Compiled for a GPU, the program has
// a few percent less at most, as its memory is planned otherwise.
func (p *Program) WriteLaunches(w io.Writer) error {
	var counts []string
	for _, x := range []struct {
		name      string
		precision driver.Precision
	}{{"fp32", driver.Float32}, {"tf32", driver.TF32}, {"bf16", driver.BFloat16}} {
		n, err := cuda.Pieces(p.Tape, ampere, cuda.Precision(x.precision))
		if err != nil {
			_, err = fmt.Fprintf(w, "\nno GPU could run this step: %v\n", err)
			return err
		}
		counts = append(counts, fmt.Sprintf("%s %d", x.name, n))
	}
	_, err := fmt.Fprintf(w, "\nlaunches of a step on an NVIDIA GPU, about: %s\n", strings.Join(counts, ", "))
	return err
}
