package models_test

import (
	"errors"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/models"
)

func smallRegressor(loss string) models.RegressorConfig {
	return models.RegressorConfig{
		Input: 2, Cell: models.CellConfig{Kind: "gru"}, Hidden: 3, Layers: 2, Bidirectional: true,
		Pooling: "mean", Loss: loss,
	}
}

// regressorByLoops is the prediction for one sequence by plain loops.
func regressorByLoops(c models.RegressorConfig, w map[string][]float64, xs [][]float64) float64 {
	var states [][]float64
	for range 2 * c.Layers {
		states = append(states, make([]float64, c.Hidden))
	}
	rc := models.RecurrentConfig{Cell: c.Cell, Layers: c.Layers, Bidirectional: true}
	ys, _ := layersOf(rc, w, "rnn", xs, states)
	return affine(w["output.weight"], w["output.bias"], pools["mean"](ys, c.Hidden))[0]
}

// lossOf is each loss of an error, as it is written in its paper.
var lossOf = map[string]func(e float64) float64{
	"squared":  func(e float64) float64 { return e * e },
	"absolute": math.Abs,
	"huber": func(e float64) float64 {
		if math.Abs(e) <= 1 {
			return e * e / 2
		}
		return math.Abs(e) - 0.5
	},
}

// Predictions and losses are those of plain loops over each sequence alone, and the derivatives those of finite
// differences; errors on both sides of where huber changes.
func TestRegressor(t *testing.T) {
	const steps = 4
	lengths := []int{3, 4, 1}
	for _, loss := range models.RegressionLosses {
		t.Run(loss, func(t *testing.T) {
			f, c := newFixture(t), smallRegressor(loss)
			m, err := models.NewRegressor(f.p, c)
			if err != nil {
				t.Fatal(err)
			}
			mask := f.mask("mask", steps, lengths)
			xs, data := f.floats("xs", steps, len(lengths), c.Input)
			right := []float64{0.25, -4, 9}
			predicted := m.Predict(f.b, models.Input{X: xs, Mask: mask})
			losses := m.Losses(f.b, predicted, f.input("right", right, len(right)))
			got := f.run(predicted, losses)
			w := f.params()
			var numbers, of []float64
			for k, n := range lengths {
				var sequence [][]float64
				for s := range n {
					sequence = append(sequence, data[(s*len(lengths)+k)*c.Input:][:c.Input])
				}
				y := regressorByLoops(c, w, sequence)
				numbers, of = append(numbers, y), append(of, lossOf[loss](y-right[k]))
			}
			equal(t, "predictions", got[0], numbers, 1e-12)
			equal(t, "losses", got[1], of, 1e-12)
			f.checkGradients(f.b.Sum(losses))
		})
	}
}

func TestRegressorSettings(t *testing.T) {
	for name, change := range map[string]func(*models.RegressorConfig){
		"Loss":    func(c *models.RegressorConfig) { c.Loss = "cubed" },
		"Pooling": func(c *models.RegressorConfig) { c.Pooling = "median" },
		"Embed":   func(c *models.RegressorConfig) { c.Embed = 2 },
		"Hidden":  func(c *models.RegressorConfig) { c.Hidden = 0 },
	} {
		c := smallRegressor("")
		change(&c)
		_, err := models.NewRegressor(newFixture(t).p, c)
		var wrong *models.SettingError
		if !errors.As(err, &wrong) || wrong.Setting != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := newFixture(t)
	m, err := models.NewRegressor(f.p, smallRegressor(""))
	if err != nil {
		t.Fatal(err)
	}
	if m.Predict(f.b, models.Input{X: (*G.Node)(nil)}); f.b.Err() == nil {
		t.Error("no input, and no error")
	}
}
