package run

import (
	"path/filepath"
	"strings"

	"github.com/unroll-ml/unroll/internal/events"
)

// board is what TensorBoard is told of a run, if it is wanted.
type board struct{ w *events.Writer }

// add tells of a record, under the names that log.jsonl has for its numbers.
func (b *board) add(record any) error {
	switch r := record.(type) {
	case StepRecord:
		return b.w.Write(r.Step,
			events.Scalar{Tag: "loss", Value: float64(r.Loss)},
			events.Scalar{Tag: "grad_norm", Value: float64(r.GradNorm)},
			events.Scalar{Tag: "lr", Value: float64(r.LR)},
			events.Scalar{Tag: "tokens_per_second", Value: float64(r.TokensPerSecond)})
	case ValidRecord:
		scalars := []events.Scalar{{Tag: "valid_loss", Value: float64(r.Loss)}}
		for _, m := range r.named() {
			if m.value != nil {
				scalars = append(scalars, events.Scalar{Tag: "valid_" + m.name, Value: float64(*m.value)})
			}
		}
		return b.w.Write(r.Step, scalars...)
	}
	return nil
}

// isEvents says whether a name is that of one of TensorBoard's files in a run folder.
func isEvents(name string) bool {
	return strings.HasPrefix(name, events.Prefix) && name == filepath.Base(name)
}
