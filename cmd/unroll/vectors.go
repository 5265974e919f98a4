package main

import "github.com/unroll-ml/unroll/trainer/run"

// vectorFlags name pretrained vectors of what a model reads.
type vectorFlags struct {
	Vectors       string `group:"Model:" placeholder:"FILE" help:"Begin with the vectors of this file for the embedding (of sources): GloVe, word2vec, text or binary, or fastText (.vec), plain or .gz. What has none is drawn."`
	FreezeVectors bool   `group:"Model:" help:"Do not train the embedding that has them."`
}

// targetVectorFlags name those of what a sequence-to-sequence model writes.
type targetVectorFlags struct {
	TargetVectors       string `group:"Model:" placeholder:"FILE" help:"The same for the embedding of targets. Both files have vectors of one size."`
	FreezeTargetVectors bool   `group:"Model:" help:"Do not train the embedding that has those."`
}

// defaultEmbed is the size of an embedding without vectors.
const defaultEmbed = 32

// into writes the flags into a config, and the size of the embedding: one that was asked for, or that of the vectors.
func (f *vectorFlags) into(c *run.Config, embed *int) (err error) {
	if c.Vectors, err = vectorsOf("", f.Vectors, f.FreezeVectors); err != nil {
		return err
	}
	vectors := c.Vectors != nil || c.TargetVectors != nil
	switch {
	case vectors && embed != nil && *embed == 0:
		return usage("--embed is 0, and vectors are an embedding: leave one of them out")
	case !vectors:
		c.Model.Embed = defaultEmbed
	}
	set(&c.Model.Embed, embed)
	return nil
}

func (f *targetVectorFlags) into(c *run.Config) (err error) {
	c.TargetVectors, err = vectorsOf("target-", f.TargetVectors, f.FreezeTargetVectors)
	return err
}

// vectorsOf are those of flags with a prefix; nil: none.
func vectorsOf(prefix, path string, frozen bool) (*run.Vectors, error) {
	switch {
	case path != "":
		return &run.Vectors{Path: path, Frozen: frozen}, nil
	case frozen:
		return nil, usage("--freeze-%svectors needs --%svectors: they are what is frozen", prefix, prefix)
	}
	return nil, nil
}
