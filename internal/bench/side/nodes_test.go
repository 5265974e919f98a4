package side

import (
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
)

// paper is a device for which programs are compiled as for a GPU, and which runs nothing.
type paper struct{}

func (paper) Name() string                          { return "paper" }
func (paper) Overlaps()                             {}
func (paper) Load(*tape.Tape) (tape.Program, error) { return idle{}, nil }

type idle struct{}

func (idle) Write(tape.SlotID, any) error { return nil }
func (idle) Read(tape.SlotID, any) error  { return nil }
func (idle) Run() error                   { return nil }
func (idle) Close() error                 { return nil }

// The launches of a training step at full size, which docs/results.md lists, do not become more.
func TestNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("draws the weights of six models, in some seconds")
	}
	most := map[string]int{"lstm": 260, "coupled": 260, "rnn": 130, "rows": 160, "seq2seq-gru": 375, "seq2seq-lstm": 410}
	for _, w := range workloads.Reference {
		job, err := w.Build(w.Full, paper{})
		if err != nil {
			t.Fatal(err)
		}
		n, err := cuda.Pieces(job.Tape(), driver.Version{Major: 9}, cuda.Precision(driver.TF32))
		if err != nil {
			t.Fatal(err)
		}
		if t.Logf("%-14s %d", w.Name, n); n > most[w.Name] || n < most[w.Name]/2 {
			t.Errorf("%s: %d launches a training step, want at most %d", w.Name, n, most[w.Name])
		}
		job.Close()
	}
}
