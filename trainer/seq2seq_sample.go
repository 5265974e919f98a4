package trainer

import (
	"math/rand/v2"

	"github.com/unroll-ml/unroll/models"
)

// Sample draws translations of one source, which may be padded: n of them, of at most so many tokens each.
func (m *Seq2Seq) Sample(source []int32, n, longest int, c models.Sampling, random *rand.Rand) ([]models.Hypothesis, error) {
	d, length, err := m.read(source, n)
	if err != nil {
		return nil, err
	}
	drawn, err := c.Sequences(d.stepper, []int{length}, n, longest, m.config.Model.Tokens, random)
	if err != nil {
		return nil, err
	}
	return drawn[0], nil
}

// read makes a program that writes step by step ready for a source, which counts so many tokens without padding, in rows beside each
// other.
func (m *Seq2Seq) read(source []int32, rows int) (d *beamDecoder, length int, err error) {
	if d, err = obtain(m.beam, beamShape{len(source), rows}, m.config, newBeamDecoder); err != nil {
		return nil, 0, err
	}
	for _, p := range []*applied{&d.encode, &d.step} {
		if err := m.shared.sync(p); err != nil {
			return nil, 0, err
		}
	}
	for _, t := range source {
		if t != m.config.Model.Tokens.Padding {
			length++
		}
	}
	return d, length, d.stepper.Read(source)
}
