package main

import (
	"context"

	"github.com/unroll-ml/unroll/internal/apply"
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
	return "Stdin has a word a line, and an empty line behind each sentence: each line is written with a tab and its " +
		"tag. CoNLL-U is written with the column of tags filled in. For a model that was trained with --columns stdin has " +
		"such lines, with or without tags, and the tag is written behind."
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
	in, err := apply.NewSentences(stdinName, a.stdin, r)
	if err != nil {
		return err
	}
	a.inviteTyping()
	defer func() { a.say(in.Notes()) }()
	t := apply.Tagger{Model: m, JSON: k.JSON, To: a.texts()}
	return t.Sentences(context.Background(), stdinName, in)
}
