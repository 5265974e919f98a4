package main

import "github.com/unroll-ml/unroll/trainer/run"

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
func (f *cellFlags) into(m *run.Model) {
	m.Cell, m.NoBias, m.ForgetBias, m.Peepholes, m.LayerNorm = f.Cell, f.NoBias, f.ForgetBias, f.Peepholes, f.LayerNorm
	if f.Nonlinearity != run.Nonlinearities[0] {
		m.Nonlinearity = f.Nonlinearity
	}
}
