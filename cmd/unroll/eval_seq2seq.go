package main

import (
	"path/filepath"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
)

// measureSeq2Seq measures a sequence-to-sequence model on source, on the whole of valid, or, if both are nil, on what the run held
// out: how well it predicts the targets' tokens, and what it writes by itself.
func (e *evalCmd) measureSeq2Seq(a *app, r *trained, source, valid *sourceConfig) (*evaluated, error) {
	p, split, err := pairsToMeasure(r, source, valid)
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
		measured, err := x.measure(m)
		if err != nil {
			return measured, err
		}
		translate := func() ([]string, []datasets.Pair, error) { return x.translate(m) }
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

// pairsToMeasure reads the pairs, and says which part of the data they are.
func pairsToMeasure(r *trained, source, valid *sourceConfig) (pairsPart, string, error) {
	d, seed := &r.config.Data, r.config.Training.Seed
	if valid != nil {
		x, err := readPairs("--valid-"+valid.Kind, valid, seed)
		if err != nil {
			return pairsPart{}, "", err
		}
		return allPairs(x.pairs), splitAll, nil
	}
	own := source == nil
	what := filepath.Join(r.dir, configName)
	if own {
		if source = d.Held; source == nil {
			source = d.Train
		}
	} else {
		what = "--" + source.Kind
	}
	x, err := readPairs(what, source, seed)
	switch {
	case err != nil && own && exitCode(err) == exitNoInput:
		return pairsPart{}, "", fail(exitNoInput, "%v, or name data with --%s", err, source.Kind)
	case err != nil:
		return pairsPart{}, "", err
	case own && x.sha256 != source.SHA256 && source.Kind == kindTask:
		return pairsPart{}, "", fail(exitData, "%s: the run was trained on the task %s of another version of unroll: use that one, or name pairs with --pairs", what, source.Paths[0])
	case own && x.sha256 != source.SHA256:
		return pairsPart{}, "", changed(x.name, x.sha256, source, what)
	case d.Held == nil && x.sha256 == d.Train.SHA256:
		_, held, err := x.divide(r.config)
		return held, splitHeldOut, err
	case d.Held != nil && x.sha256 == d.Held.SHA256:
		return allPairs(x.pairs), splitHeldOut, nil
	}
	return allPairs(x.pairs), splitAll, nil
}
