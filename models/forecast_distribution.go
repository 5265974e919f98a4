package models

import (
	"math"

	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// leastDeviation keeps the deviation of a distribution away from 0, where a series that stands still would put it.
const leastDeviation = 1e-4

// deviation is softplus(x) + 1e-4.
func deviation(b *op.Builder, x *G.Node) *G.Node { return b.Affine(b.Softplus(x), 1, leastDeviation) }

// softplus is ln(1 + eˣ).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// distribution is what losses have in common that forecast a whole distribution.
type distribution struct{}

func (distribution) Feed(_ *op.Builder, numbers []*G.Node) *G.Node { return numbers[0] }
func (distribution) CheckQuantile(p float64) error {
	if !(p > 0 && p < 1) {
		return errors.Errorf("the quantile %g must be between 0 and 1", p)
	}
	return nil
}

// Gaussian forecasts the normal distribution of z; the loss is -ln of its density:
//
//	μ = x₁        σ = softplus(x₂) + 1e-4
//	½ ((z-μ)/σ)² + ln σ + ½ ln 2π
type Gaussian struct{ distribution }

// Numbers implements ForecastLoss.
func (Gaussian) Numbers() (all, places int) { return 2, 1 }

// Loss implements ForecastLoss.
func (Gaussian) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	sigma := deviation(b, numbers[1])
	e := b.Div(b.Sub(truth.Scaled, numbers[0]), sigma)
	return b.Add(b.Affine(b.Square(e), 0.5, 0.5*math.Log(2*math.Pi)), b.Log(sigma))
}

// Point is the median, which without Level.Log is the mean.
func (Gaussian) Point(numbers []float64, at Level) float64 { return at.Own(numbers[0]) }

// Quantile implements ForecastLoss.
func (Gaussian) Quantile(numbers []float64, p float64, at Level) float64 {
	return at.Own(numbers[0] + (softplus(numbers[1])+leastDeviation)*math.Sqrt2*math.Erfinv(2*p-1))
}

// StudentT forecasts Student's t distribution of z, whose tails are heavier than those of the normal one; the loss is
// -ln of its density:
//
//	μ = x₁        σ = softplus(x₂) + 1e-4        ν = 2 + softplus(x₃)
//	ln Γ(ν/2) - ln Γ((ν+1)/2) + ½ ln πν + ln σ + (ν+1)/2 ln(1 + ((z-μ)/σ)²/ν)
type StudentT struct{ distribution }

// Numbers implements ForecastLoss.
func (StudentT) Numbers() (all, places int) { return 3, 1 }

// Loss implements ForecastLoss.
func (StudentT) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	sigma, nu := deviation(b, numbers[1]), b.Affine(b.Softplus(numbers[2]), 1, 2)
	e := b.Div(b.Sub(truth.Scaled, numbers[0]), sigma)
	tail := b.Mul(b.Affine(nu, 0.5, 0.5), b.Log1p(b.Div(b.Square(e), nu)))
	size := b.Add(b.Affine(b.Log(nu), 0.5, 0.5*math.Log(math.Pi)), b.Log(sigma))
	return b.Sub(b.Add(tail, size), b.LogRising(b.Affine(nu, 0.5, 0), b.Fill(nu, 0.5)))
}

// Point is the median, which without Level.Log is the mean.
func (StudentT) Point(numbers []float64, at Level) float64 { return at.Own(numbers[0]) }

// Quantile implements ForecastLoss.
func (StudentT) Quantile(numbers []float64, p float64, at Level) float64 {
	t := distuv.StudentsT{Mu: numbers[0], Sigma: softplus(numbers[1]) + leastDeviation, Nu: 2 + softplus(numbers[2])}
	return at.Own(t.Quantile(p))
}

// NegativeBinomial forecasts a distribution of counts, y = 0, 1, 2, ... (Salinas et al., 2020); the loss is -ln of
// its probability. It needs values that are scaled without a shift and without Log, and a Truth whose unit is 1. With
// s = Level.Scale:
//
//	μ = s (softplus(x₁) + 1e-8)        α = softplus(x₂)/√s + 1e-3        r = 1/α        variance = μ + α μ²
//	ln y! - ln Γ(y+r) + ln Γ(r) + (y+r) ln(1 + αμ) - y ln αμ
type NegativeBinomial struct{ distribution }

const (
	leastMean       = 1e-8 // μ/s, whose logarithm is taken
	leastDispersion = 1e-3 // α
)

// Numbers implements ForecastLoss.
func (NegativeBinomial) Numbers() (all, places int) { return 2, 1 }

// Feed is μ/s.
func (NegativeBinomial) Feed(b *op.Builder, numbers []*G.Node) *G.Node { return b.Softplus(numbers[0]) }

// Loss implements ForecastLoss.
func (NegativeBinomial) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	alpha := b.Affine(b.Div(b.Softplus(numbers[1]), b.Sqrt(truth.Slope)), 1, leastDispersion)
	r := b.Div(b.Fill(alpha, 1), alpha)
	ratio := b.Mul(alpha, b.Mul(truth.Slope, b.Affine(b.Softplus(numbers[0]), 1, leastMean))) // αμ
	ways := b.Sub(b.LogRising(b.Fill(r, 1), truth.Own), b.LogRising(r, truth.Own))            // ln y! - ln Γ(y+r)/Γ(r)
	return b.Add(ways, b.Sub(b.Mul(b.Add(truth.Own, r), b.Log1p(ratio)), b.Mul(truth.Own, b.Log(ratio))))
}

// Point is the mean, μ.
func (NegativeBinomial) Point(numbers []float64, at Level) float64 {
	return at.Scale * (softplus(numbers[0]) + leastMean)
}

// Quantile is the smallest y whose cumulative probability, I_{r/(r+μ)}(r, y+1), is at least p.
func (d NegativeBinomial) Quantile(numbers []float64, p float64, at Level) float64 {
	mean := d.Point(numbers, at)
	r := 1 / (softplus(numbers[1])/math.Sqrt(at.Scale) + leastDispersion)
	upTo := func(y float64) float64 { return mathext.RegIncBeta(r, y+1, r/(r+mean)) }
	low, high := -1.0, 1.0
	for upTo(high) < p && high < math.MaxInt32 {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if y := math.Floor((low + high) / 2); upTo(y) < p {
			low = y
		} else {
			high = y
		}
	}
	return high
}
