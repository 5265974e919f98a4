package models_test

import (
	"math"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

func TestDecay(t *testing.T) {
	for _, c := range []struct {
		name string
		d    models.Decay
		step int
		want float64
	}{
		{"linear at first", models.LinearDecay(1, 0.01, 0.2), 0, 1},
		{"linear", models.LinearDecay(1, 0.01, 0.2), 30, 0.7},
		{"linear at last", models.LinearDecay(1, 0.01, 0.2), 1000, 0.2},
		{"exponential at first", models.ExponentialDecay(0.5), 0, 1},
		{"exponential", models.ExponentialDecay(0.5), 3, 0.125},
		{"inverse sigmoid at first", models.InverseSigmoidDecay(9), 0, 0.9},
		{"inverse sigmoid", models.InverseSigmoidDecay(2), 2, 2 / (2 + math.E)},
		{"inverse sigmoid at last", models.InverseSigmoidDecay(5), 1 << 40, 0},
	} {
		if got := c.d(c.step); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
