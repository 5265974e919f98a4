package main

import (
	"math"

	"github.com/unroll-ml/unroll/models"
)

// cellFlags say which cell a model has; a command has a default for the kind.
type cellFlags struct {
	Cell         string  `enum:"${cells}" default:"${cell}" help:"Kind of cell: ${enum}."`
	Nonlinearity string  `enum:"${nonlinearities}" default:"tanh" help:"Of the cell rnn: ${enum}."`
	NoBias       bool    `help:"Cells without biases."`
	ForgetBias   float64 `default:"0" help:"Of the cell lstm: added to the first bias of the forget gate; 1 makes it remember from the start."`
	Peepholes    bool    `help:"Of the cell lstm: the gates see the cell state."`
	LayerNorm    bool    `help:"Of the cell lstm: layer normalisation."`
}

// into writes the flags into a config.
func (f *cellFlags) into(m *modelConfig) {
	m.Cell, m.NoBias, m.ForgetBias, m.Peepholes, m.LayerNorm = f.Cell, f.NoBias, f.ForgetBias, f.Peepholes, f.LayerNorm
	if f.Nonlinearity != models.Activations[0] {
		m.Nonlinearity = f.Nonlinearity
	}
}

// cell is the cell that a config asks for.
func (m *modelConfig) cell() models.CellConfig {
	return models.CellConfig{
		Kind: m.Cell, Activation: m.Nonlinearity, NoBias: m.NoBias, ForgetBias: m.ForgetBias, Peepholes: m.Peepholes, LayerNorm: m.LayerNorm,
	}
}

// checkCell says what is wrong with the cell, whose kind is known to be one of cells.
func (m *modelConfig) checkCell() error {
	flag := "" // that is for an lstm
	switch {
	case m.ForgetBias != 0:
		flag = "forget-bias"
	case m.Peepholes:
		flag = "peepholes"
	case m.LayerNorm:
		flag = "layer-norm"
	}
	switch {
	case m.Nonlinearity != "" && m.Nonlinearity != "relu":
		return usage("--nonlinearity is %q: it must be tanh or relu", m.Nonlinearity)
	case m.Nonlinearity != "" && m.Cell != "rnn":
		return usage("--nonlinearity is for --cell rnn, the cell is %s, which has its own: leave one of them out", m.Cell)
	case flag != "" && m.Cell != "lstm":
		return usage("--%s is for --cell lstm, the cell is %s: leave one of them out", flag, m.Cell)
	case m.ForgetBias != 0 && m.NoBias:
		return usage("--forget-bias and --no-bias contradict each other: leave one of them out")
	case math.IsNaN(m.ForgetBias) || math.IsInf(m.ForgetBias, 0):
		return usage("--forget-bias is %g: it must be a number", m.ForgetBias)
	}
	return nil
}
