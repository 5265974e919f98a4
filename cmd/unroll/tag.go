package main

import (
	"context"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/run"
)

// tagCmd tags the sentences of stdin.
type tagCmd struct {
	Dir  string `arg:"" name:"RUN" help:"Folder that unroll train tag wrote."`
	JSON bool   `name:"json" help:"Write a JSON object for each sentence, with its words and their tags."`
	useFlags
}

// Help is what --help says of it.
func (*tagCmd) Help() string {
	return "Stdin has a word a line, and an empty line behind each sentence: each line is written with a tab and its tag. CoNLL-U is written with the " +
		"column of tags filled in. For a model that was trained with --columns stdin has such lines, with or without tags, and the tag is written behind."
}

// taggedSentence is what tag --json writes for a sentence.
type taggedSentence struct {
	Words   []string `json:"words"`
	Tags    []string `json:"tags"`
	Unknown []int    `json:"unknown,omitempty"` // words that are not in the training data, counted from 0
}

func (k *tagCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.open(a, k.Dir, run.TaskTag)
	if err != nil {
		return err
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Tagger()
	if err != nil {
		return err
	}
	defer m.Close()
	source := r.Config().Data.Train
	form := datasets.Plain
	if source.Kind == run.KindColumns {
		form = datasets.Columns
	}
	in, err := datasets.NewSentences(stdinName, form, source.Format, a.stdin)
	if err != nil {
		return err
	}
	a.inviteTyping()
	defer func() {
		for _, note := range in.Notes() {
			notice(a.stderr)(note)
		}
	}()
	return k.tag(m, in, a.texts())
}

// tag writes the sentences with their tags, as many at once as are there already.
func (k *tagCmd) tag(m *run.Tagger, in *datasets.Sentences, to io.Writer) error {
	for {
		var sentences []*datasets.Sentence
		var failed error
		for failed == nil && (sentences == nil || len(sentences) < run.MostTexts && in.Ready()) {
			var s *datasets.Sentence
			if s, failed = in.Read(); failed == nil {
				sentences = append(sentences, s)
			}
		}
		if len(sentences) > 0 {
			text, err := k.write(m, sentences)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(to, text); err != nil {
				return errors.WithStack(err)
			}
		}
		if failed == io.EOF {
			return nil
		}
		if failed != nil {
			return readError(failed)
		}
	}
}

// write is what is written for sentences.
func (k *tagCmd) write(m *run.Tagger, sentences []*datasets.Sentence) (string, error) {
	words := make([][]string, len(sentences))
	for i, s := range sentences {
		words[i] = s.Words
	}
	tags, err := m.Tag(context.Background(), words)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, s := range sentences {
		if !k.JSON {
			text, err := s.Fill(tags[i])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			continue
		}
		if len(s.Words) == 0 {
			continue
		}
		x := taggedSentence{Words: s.Words, Tags: tags[i]}
		for at, word := range s.Words {
			if !m.Known(word) {
				x.Unknown = append(x.Unknown, at)
			}
		}
		b.WriteString(jsonLine(x))
	}
	return b.String(), nil
}
