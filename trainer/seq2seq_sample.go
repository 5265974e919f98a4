package trainer

import (
	"math/rand/v2"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models/decode"
)

// Sample draws translations of a batch of sources, S×B, which may be padded: for each n of them, of at most as
// many tokens as its limit, and with its random numbers.
func (m *Seq2Seq) Sample(
	source []int32, batch, n int, limits []int, c decode.Sampling, random []*rand.Rand,
) ([][]decode.Hypothesis, error) {
	d, lengths, err := m.read(source, batch, n)
	if err != nil {
		return nil, err
	}
	return c.Sequences(d.stepper, lengths, n, limits, m.config.Model.Tokens, random)
}

// read makes a program that writes step by step ready for a batch of sources, each in so many rows. lengths are
// the sources' numbers of tokens without padding.
func (m *Seq2Seq) read(source []int32, batch, rows int) (d *beamDecoder, lengths []int, err error) {
	if err := checkSources(source, batch); err != nil {
		return nil, nil, err
	}
	if rows < 1 {
		return nil, nil, errors.Errorf("%d rows for a source: there must be at least 1", rows)
	}
	at := beamShape{len(source) / batch, batch, rows}
	if d, err = m.beamFor(at); err != nil {
		return nil, nil, err
	}
	if err := m.reader(d, at); err != nil {
		return nil, nil, err
	}
	lengths = make([]int, batch)
	for i, t := range source {
		if t != m.config.Model.Tokens.Padding {
			lengths[i%batch]++
		}
	}
	return d, lengths, d.stepper.Read(source)
}
