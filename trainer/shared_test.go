package trainer

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// apart hides that a device can share.
type apart struct{ tape.Device }

// Programs that have the weights in one place and programs among which they are copied give the same numbers,
// to the bit: batches of several shapes, measured and translated in between, saved and loaded.
func TestSharedMemoryChangesNothing(t *testing.T) {
	run := func(d tape.Device, average float64) (numbers []float64) {
		c := Seq2SeqConfig{Model: models.Seq2SeqConfig{Attention: models.Additive{}, Dropout: 0.1}, TeacherForcing: 0.8}
		c.Model.Source, c.Model.Target, c.Model.Tokens = 8, 8, models.DefaultTokens
		c.Model.Cell, c.Model.Embed, c.Model.Hidden, c.Model.Layers = models.CellConfig{Kind: "lstm"}, 8, 16, 1
		c.Seed, c.Optimizer, c.Clip, c.Device, c.Average = 3, optim.DefaultAdam, 1, d, average
		m, err := NewSeq2Seq(c)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		measure := func(k int) {
			s, err := m.Eval(reversals(k, k%2))
			if err != nil {
				t.Fatal(err)
			}
			found, err := m.Search(reversals(k, 0).Source[:4], 1, decode.Beam{Width: 3, MaxLength: 5})
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, s.NLL, found[0][0].LogProb)
		}
		measure(0)
		for k := range 12 {
			numbers = append(numbers, seq2seqLosses(t, m, k, k+1, byTurns)...)
			if k%3 == 0 {
				measure(k)
			}
			if k == 7 {
				weights, state := contents(t, m)
				numbers = append(numbers, seq2seqLosses(t, m, k+1, k+4, byTurns)...)
				measure(k)
				if err := m.Load(weights, state); err != nil {
					t.Fatal(err)
				}
				measure(k)
			}
		}
		return numbers
	}
	for _, average := range []float64{0, 0.9} {
		one, many := run(cpu.New(cpu.Threads(1)), average), run(apart{cpu.New(cpu.Threads(1))}, average)
		if !slices.Equal(one, many) {
			t.Errorf("average %g: in one memory %v\napart %v", average, one, many)
		}
	}
}
