package main

import (
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// cells are what --cell may name.
var cells = models.Cells

// newLM builds a language model with fresh weights.
var newLM = func(c LMConfig) (LM, error) {
	lm, err := trainer.NewLM(trainer.LMConfig{
		Model: models.LMConfig{Vocab: c.Vocab, Cell: c.Cell, Hidden: c.Hidden, Layers: c.Layers, Embed: c.Embed, Dropout: c.Dropout, Tied: c.Tied},
		Seq:   c.Seq, Batch: c.Batch,
		Training: c.Training,
		Device:   c.Device,
	})
	if err != nil {
		return nil, err
	}
	return lm, nil
}
