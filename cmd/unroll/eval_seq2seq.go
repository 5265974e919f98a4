package main

import (
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
)

// measureSeq2Seq measures a sequence-to-sequence model on source, on the whole of valid, or, if both are nil, on what the run held
// out: how well it predicts the targets' tokens, and what it writes by itself.
func (e *evalCmd) measureSeq2Seq(a *app, r *trained, source, valid *sourceConfig) (*evaluated, error) {
	p, split, err := toMeasure(r, source, valid, func(what string, s *sourceConfig) (*rawPairs, error) {
		return readPairs(what, s, r.config.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	defer p.pairs.Close()
	if err := e.beamFlags.fits(r); err != nil {
		return nil, err
	}
	encoded, err := batches.NewSeq2Seq(p.pairs, r.vocab, r.target)
	if err != nil {
		return nil, err
	}
	x, err := p.ready(r.config, encoded, r.target, 0)
	if err != nil {
		return nil, err
	}
	if err := r.config.checkSeq2SeqSize(x.longest); err != nil {
		return nil, fail(exitData, "%s: %v", x.name, err)
	}
	m, at, err := e.seq2seq(a, r)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	v := &evaluated{name: x.name, split: split, what: whichPart(strings.TrimSuffix(x.name, ", held out"), split, r.config), unit: "token", count: "pairs", at: at}
	return v, v.time(func() (metrics, error) {
		measured, err := x.measure(m, never)
		if err != nil {
			return measured, err
		}
		translate := func() ([]string, []datasets.Pair, error) { return x.translate(m, &e.beamFlags) }
		if e.Beam > 1 {
			translate = func() ([]string, []datasets.Pair, error) { return x.search(m, r.config, &e.beamFlags) }
		}
		written, pairs, err := translate()
		if err != nil {
			return measured, err
		}
		return measured, measured.compare(written, pairs)
	})
}
