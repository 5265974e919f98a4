package trainer

import (
	"math/rand/v2"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models/decode"
)

// Seq2Seqs are models that translate together, an ensemble: see decode.Together. They must read and write the same
// tokens, by the same numbers.
type Seq2Seqs []*Seq2Seq

// Search is Seq2Seq.Search of all of them.
func (m Seq2Seqs) Search(source []int32, batch int, c decode.Beam) ([][]decode.Hypothesis, error) {
	s, lengths, err := m.read(source, batch, c.Width)
	if err != nil {
		return nil, err
	}
	c.Tokens = m[0].config.Model.Tokens
	return c.Search(s, lengths)
}

// Sample is Seq2Seq.Sample of all of them.
func (m Seq2Seqs) Sample(
	source []int32, batch, n int, limits []int, c decode.Sampling, random []*rand.Rand,
) ([][]decode.Hypothesis, error) {
	s, lengths, err := m.read(source, batch, n)
	if err != nil {
		return nil, err
	}
	return c.Sequences(s, lengths, n, limits, m[0].config.Model.Tokens, random)
}

// StepCost is that of the device.
func (m Seq2Seqs) StepCost() tape.StepCost {
	if len(m) == 0 {
		return tape.StepCostOf(nil)
	}
	return m[0].StepCost()
}

// Keep says how many bytes of inputs and outputs may be kept for shapes of batches that were translated before. Without it
// they are 24 MB: who translates a file from the longest line to the shortest meets no shape again, and a server does.
func (m Seq2Seqs) Keep(bytes int) {
	for _, x := range m {
		x.keep = bytes
	}
}

// Close frees all of them.
func (m Seq2Seqs) Close() error {
	var first error
	for _, x := range m {
		if err := x.Close(); first == nil {
			first = err
		}
	}
	return first
}

// read makes all of them stand at the beginning of a batch of sources.
func (m Seq2Seqs) read(source []int32, batch, rows int) (decode.Stepper, []int, error) {
	if len(m) == 0 {
		return nil, nil, errors.New("there is no model that translates")
	}
	var steppers []decode.Stepper
	var lengths []int
	for _, x := range m {
		if a, b := &x.config.Model, &m[0].config.Model; a.Tokens != b.Tokens || a.Source != b.Source || a.Target != b.Target {
			return nil, nil, errors.New("models that translate together read or write other tokens: they must be the same")
		}
		d, n, err := x.read(source, batch, rows)
		if err != nil {
			return nil, nil, err
		}
		steppers, lengths = append(steppers, d.stepper), n
	}
	return decode.Together(steppers...), lengths, nil
}
