package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// newAttentionPage is the page that --attention asks for.
func newAttentionPage(path string, r *run.Run, how string) (*attention.Page, error) {
	if r.Config().Model.Attention == run.NoAttention {
		return nil, usage("--attention draws where the attention looked, and the model of %s has none: "+
			"leave it out, or train a model with --attention %s", r.Dir(), run.Attentions[1])
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fail(exitNoOutput, "--attention: %s is no file that can be replaced: name another", path)
	}
	page, err := attention.NewPage(path, r.Vocab(), r.Target(), how)
	return page, pageError(path, err)
}

// modelWords say what a model with attention is, and where it stands.
func modelWords(r *run.Run) string {
	m := &r.Config().Model
	return fmt.Sprintf("%s of %d units, attention %s, after step %s", m.Cell, m.Hidden, m.Attention, words.Thousands(r.At().Step))
}

// pageError says what to do if the page cannot be written.
func pageError(path string, err error) error {
	var in *fs.PathError
	if !errors.As(err, &in) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return fail(exitNoOutput, "--attention: %s cannot be written (%v): name another file", path, in.Err)
}
