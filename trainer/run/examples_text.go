package run

import (
	"iter"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/trainer"
)

// textExamples are texts with a label each.
type textExamples struct{ *datasets.Table }

// readTexts reads a table or a folder of texts.
func readTexts(s *Source) (*rawExamples, error) {
	read := datasets.ReadTable
	if s.Kind == KindFolder {
		read = datasets.ReadFolder
	}
	t, err := read(s.Paths[0], s.Format)
	if err != nil {
		return nil, err
	}
	s.Column = t.Column
	return tableExamples(t), nil
}

// tableExamples are those of a table.
func tableExamples(t *datasets.Table) *rawExamples {
	return &rawExamples{name: t.Name, data: textExamples{t}, sha256: t.SHA256,
		notes: append(slices.Clone(t.Notes), leftOut(t.Name, t.Skipped)...)}
}

func (x textExamples) Len() int                          { return len(x.Rows) }
func (x textExamples) Label(i int) string                { return x.Rows[i].Label }
func (x textExamples) shown(i int32) string              { return clipped(x.Rows[i].Text) }
func (x textExamples) missing(*SeriesModel) string       { return "" }
func (x textExamples) labels() (*datasets.Labels, error) { return x.Labels() }

// divided says that equal texts stay together.
func (x textExamples) divided(d *datasets.Division) {
	d.Key = func(i int) (string, error) { return x.Rows[i].Text, nil }
}

// texts are some of the texts.
func (x textExamples) texts(which []int32) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range which {
			if !yield(x.Rows[i].Text) {
				return
			}
		}
	}
}

// fit makes the vocabulary, unless the model is that of a run, which has one, and reads vectors of its tokens.
func (x textExamples) fit(c *Config, which []int32) (v *datasets.Vocab, notes []string, err error) {
	if c.From != nil {
		v, _ = c.vocabs()
		return v, nil, nil
	}
	var lost spaces
	if v, err = datasets.BuildVocab(c.Model.vocab(), lost.count(c.Model.tokenKind(), x.texts(which))); err != nil {
		return nil, nil, err
	}
	if err := c.Model.checkVocabSize(v, 1, x.Name); err != nil {
		return nil, nil, err
	}
	c.Model.Vocab, c.Model.VocabSHA256 = v.Len(), sha256Hex(v.JSON())
	vectors, err := c.readVectors(c.sourceVectors(), v, x.texts(which))
	return v, append(vectors, known(lost.note())...), err
}

func (x textExamples) encode(
	c *Config, vocab *datasets.Vocab, labels *datasets.Labels, which []int32,
) (e encodedExamples, err error) {
	if vocab == nil && c.Model.Series != nil {
		return e, badData("%s holds texts, and the model reads series: name series with `series`", x.Name)
	}
	if vocab == nil {
		return e, badData("%s holds texts, and the model reads images: name images with `idx`", x.Name)
	}
	if e.classes, e.unknown, err = x.Classes(labels); err != nil {
		return e, err
	}
	sequences := make([][]int32, len(x.Rows))
	for _, i := range which {
		tokens := e.known.Encode(vocab, x.Rows[i].Text)
		if len(tokens) > c.Training.Longest {
			tokens = tokens[:c.Training.Longest]
			e.cut++
		}
		sequences[i] = tokens
	}
	e.inputs = textInputs{&batches.Classification{Sequences: sequences, Classes: e.classes}}
	return e, nil
}

// textInputs are the tokens of texts.
type textInputs struct{ *batches.Classification }

func (x textInputs) length(i int32) (batches.Shape, error) { return x.Length(i) }

func (x textInputs) fill(g batches.Group) (s trainer.Sequences, steps int, err error) {
	l, err := x.Fill(g)
	if err != nil {
		return s, 0, err
	}
	for _, m := range l.Mask {
		steps += int(m)
	}
	return trainer.Sequences{Steps: g.Source, Batch: len(g.Examples), Tokens: l.Tokens, Mask: l.Mask}, steps, nil
}
