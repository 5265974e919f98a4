package run

import (
	"math"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/device"
)

// Cells are what Model.Cell may name.
var Cells = models.Cells

// cell is the cell that a config asks for.
func (m *Model) cell() models.CellConfig {
	return models.CellConfig{
		Kind: m.Cell, Activation: m.Nonlinearity, NoBias: m.NoBias, ForgetBias: m.ForgetBias, Peepholes: m.Peepholes, LayerNorm: m.LayerNorm,
	}
}

// checkCell says what is wrong with the cell, whose kind is known to be one of cells.
func (m *Model) checkCell() error {
	flag := "" // that is for an lstm
	switch {
	case m.ForgetBias != 0:
		flag = "forget_bias"
	case m.Peepholes:
		flag = "peepholes"
	case m.LayerNorm:
		flag = "layer_norm"
	}
	switch {
	case m.Nonlinearity != "" && m.Nonlinearity != "relu":
		return settings("`nonlinearity` is %q: it must be tanh or relu", m.Nonlinearity)
	case m.Nonlinearity != "" && m.Cell != "rnn":
		return settings("`nonlinearity` is for `cell` rnn, the cell is %s, which has its own: leave one of them out", m.Cell)
	case flag != "" && m.Cell != "lstm":
		return settings("`%s` is for `cell` lstm, the cell is %s: leave one of them out", flag, m.Cell)
	case m.ForgetBias != 0 && m.NoBias:
		return settings("`forget_bias` and `no_bias` contradict each other: leave one of them out")
	case math.IsNaN(m.ForgetBias) || math.IsInf(m.ForgetBias, 0):
		return settings("`forget_bias` is %g: it must be a number", m.ForgetBias)
	}
	return nil
}

// Check says whether the precision is for the device.
func (r *Running) Check() error {
	rounds := r.Precision != "" && r.Precision != device.FP32
	if rounds && r.Device != device.CUDA && r.Device != device.Auto {
		return settings("`precision` %s is for `device` cuda, and the device is %s: leave one of them out", r.Precision, r.Device)
	}
	return nil
}
