package exchange

import (
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// The order of gates in ONNX, i o f c and z r h, in terms of that of our weights, which is PyTorch's, i f g o and r z
// n; and of peepholes, i o f in terms of i f o.
var (
	lstmGates     = []int{0, 3, 1, 2}
	gruGates      = []int{1, 0, 2}
	rnnGates      = []int{0}
	lstmPeepholes = []int{0, 2, 1}
)

// standard are the steps that ONNX has an operator for.
var standard = func() (all []export.Standard) {
	for _, without := range []bool{false, true} {
		all = append(all,
			lstm(models.CellConfig{Kind: "lstm", NoBias: without}),
			lstm(models.CellConfig{Kind: "lstm", NoBias: without, Peepholes: true}),
			gru(models.CellConfig{Kind: "gru", NoBias: without}),
			rnn(models.CellConfig{Kind: "rnn", NoBias: without}, nil),
			rnn(models.CellConfig{Kind: "rnn", NoBias: without, Activation: "relu"}, []string{"Relu"}),
		)
	}
	return all
}()

// declare makes the cell of a kind.
func declare(b *op.Builder, c models.CellConfig, in, hidden int) (models.Cell, error) {
	return c.NewCell(models.DeclareParams(b, tensor.Float32), in, hidden)
}

func ofGates(cell models.Cell, g models.Gates) export.StandardCell {
	return export.StandardCell{Step: cell.Step, Input: g.Wih, Hidden: g.Whh, InputBias: g.Bih, HiddenBias: g.Bhh}
}

func lstm(c models.CellConfig) export.Standard {
	return export.Standard{Operator: "LSTM", Gates: lstmGates, Peepholes: lstmPeepholes,
		Declare: func(b *op.Builder, in, hidden int) (export.StandardCell, error) {
			cell, err := declare(b, c, in, hidden)
			if err != nil {
				return export.StandardCell{}, err
			}
			l := cell.(*models.LSTM)
			s := ofGates(l, l.Gates)
			s.Peephole = l.Peephole
			return s, nil
		}}
}

func gru(c models.CellConfig) export.Standard {
	return export.Standard{Operator: "GRU", Gates: gruGates,
		Declare: func(b *op.Builder, in, hidden int) (export.StandardCell, error) {
			cell, err := declare(b, c, in, hidden)
			if err != nil {
				return export.StandardCell{}, err
			}
			return ofGates(cell, cell.(*models.GRU).Gates), nil
		}}
}

func rnn(c models.CellConfig, activations []string) export.Standard {
	return export.Standard{Operator: "RNN", Gates: rnnGates, Activations: activations,
		Declare: func(b *op.Builder, in, hidden int) (export.StandardCell, error) {
			cell, err := declare(b, c, in, hidden)
			if err != nil {
				return export.StandardCell{}, err
			}
			return ofGates(cell, cell.(*models.RNN).Gates), nil
		}}
}
