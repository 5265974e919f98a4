package main

import (
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// What --cell and --device may name.
var (
	cells   = models.Cells
	devices = []string{"auto", "cpu", "ref"}
)

// newLM builds a language model with fresh weights.
var newLM = func(c LMConfig) (LM, error) {
	lm, err := trainer.NewLM(trainer.LMConfig{
		Model: models.LMConfig{Vocab: c.Vocab, Cell: c.Cell, Hidden: c.Hidden, Layers: c.Layers, Embed: c.Embed, Dropout: c.Dropout, Tied: c.Tied, Seed: c.Seed},
		Seq:   c.Seq, Batch: c.Batch,
		Training: c.Training,
		Device:   c.device(),
	})
	if err != nil {
		return nil, err
	}
	return lm, nil
}

func (c *LMConfig) device() tape.Device { return device(c.Device, c.Threads) }

func device(name string, threads int) tape.Device {
	switch {
	case name == "ref":
		return ref.New()
	case threads > 0:
		return cpu.New(cpu.Threads(threads))
	}
	return cpu.New()
}
