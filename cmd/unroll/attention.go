package main

import (
	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/trainer/run"
)

// newAttentionPage is the page that --attention asks for.
func newAttentionPage(path string, r *run.Run, o translate.Options) (*attention.Page, error) {
	if !r.Attends() {
		return nil, usage("--attention draws where the attention looked, and the model of %s has none: "+
			"leave it out, or train a model with --attention %s", r.Dir(), run.Attentions[1])
	}
	if err := replaceable("attention", path); err != nil {
		return nil, err
	}
	return attention.NewPage(path, r.Vocab(), r.Target(), o)
}
