package run

import (
	"cmp"
	"context"
	"slices"

	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/trainer"
)

// evaluateClassifier measures a classifier.
func (r *Run) evaluateClassifier(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	p, split, err := toEvaluate(r, e, readExamples)
	if err != nil {
		return nil, err
	}
	x, err := p.encode(r.config, r.vocab, r.labels)
	if err != nil {
		return nil, err
	}
	v := &Evaluation{Name: p.name, Split: split, What: whichPart(p.name, split, r.config), Unit: "example",
		Count: "examples"}
	v.Unknown, v.NoLabel = x.known.Unknown, x.unknown.Examples
	v.Notes = append(slices.Clone(p.notes), known(p.data.missing(r.config.Model.Series),
		x.unknownLabels(r.labels),
		UnknownWords("texts", x.known))...)
	if p.apart {
		v.What = "the test images of " + p.name
	} else {
		v.Notes = append(v.Notes, known(r.learnedFrom(p.sha256, split))...)
	}
	m, err := toMeasure(r, v, (*Run).classifier)
	if err != nil {
		return nil, err
	}
	defer closeAll(m)
	v.Labels = r.labels
	return v.time(func() (found Metrics, err error) {
		found, v.Confusion, err = x.validate(ctx, m)
		return found, err
	})
}

// learnedFrom says that what is measured is what the run was trained on.
func (r *Run) learnedFrom(sha256, split string) string {
	if split != SplitAll || sha256 != r.config.Data.Train.SHA256 {
		return ""
	}
	return learnedWords
}

// classifier makes the classifier of the run: see lm.
func (r *Run) classifier(v *Evaluation) (*trainer.Classifier, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newClassifier()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}

// evaluateSeq2Seq measures a sequence-to-sequence model: how well it predicts the targets' tokens, and what it
// writes by itself.
func (r *Run) evaluateSeq2Seq(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	p, split, err := toEvaluate(r, e, func(name string, s *Source) (*rawPairs, error) {
		return readPairs(name, s, r.config.Training.Seed)
	})
	if err != nil {
		return nil, err
	}
	defer p.pairs.Close()
	encoded, err := batches.NewSeq2Seq(p.pairs, r.vocab, r.target, nil)
	if err != nil {
		return nil, err
	}
	x, err := p.encode(r.config, encoded, 0)
	if err != nil {
		return nil, err
	}
	if err := r.config.checkSize(x.longest); err != nil {
		return nil, badData("%s: %v", x.name, err)
	}
	o, err := r.config.limited(e.Translate)
	if err != nil {
		return nil, err
	}
	v := &Evaluation{Name: x.name, Split: split, Unit: "token", Count: "pairs"}
	v.What = whichPart(x.name, split, r.config)
	hints, err := x.hints(r.vocab, r.target)
	if err != nil {
		return nil, err
	}
	v.Notes = slices.Concat(p.pairs.Notes, leftOut(x.name, p.pairs.Skipped),
		known(r.learnedFrom(p.pairs.SHA256, split)), hints)
	m, err := toMeasure(r, v, (*Run).seq2seq)
	if err != nil {
		return nil, err
	}
	defer closeAll(m)
	v.Notes = append(v.Notes, known(r.meanOf("the loss and the accuracy of tokens"))...)
	return v.time(func() (Metrics, error) {
		found, err := x.validate(ctx, m...)
		if err != nil {
			return found, err
		}
		translator := r.config.translator(trainer.Seq2Seqs(m), r.vocab, r.target)
		translated, err := x.translated(ctx, translator, o, e.Several)
		if err != nil {
			return found, err
		}
		return found, found.add(translated, r.target, cmp.Or(e.Tokenize, r.config.Training.Tokenize))
	})
}

// seq2seq makes the sequence-to-sequence model of the run: see lm.
func (r *Run) seq2seq(v *Evaluation) (*trainer.Seq2Seq, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newSeq2Seq()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}
