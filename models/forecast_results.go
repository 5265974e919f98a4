package models

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// ForecastScale says, as nodes that broadcast to B×H×M, how z becomes a value of the series:
//
//	y = Unit (Offset + Slope z)        with Log: Unit exp(Offset + Slope z)
//
// Unit is about the size of the values, and the others of a size that float32 is good for: see Truth.
type ForecastScale struct {
	Unit, Offset, Slope *G.Node
	Log                 bool
}

// own is the value of the series for z.
func (s ForecastScale) own(b *op.Builder, z *G.Node) *G.Node {
	return b.Mul(s.Unit, Truth{Offset: s.Offset, Slope: s.Slope, Log: s.Log}.own(b, z))
}

// ForecastResult is something that is forecast for each value, B×H×M, in the unit of the series. The quantiles have
// an axis more, of their levels.
type ForecastResult struct {
	Name string
	Node *G.Node
}

// resulting is a ForecastLoss that can say as nodes what its numbers mean.
type resulting interface {
	results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult
}

// Results are what the numbers of Direct or Decode mean, as nodes: "forecast", the Point of the loss, and what else it
// gives:
//
//	Quantiles           "quantiles", one for each level, sorted
//	Gaussian            "location" and "deviation" of the normal distribution of y, with Log of ln y
//	StudentT            the same of Student's t distribution, and "freedom", its degrees of freedom
//	NegativeBinomial    "dispersion", α; the forecast is the mean μ
//
// A loss that is none of package models has no results, which is an error of the Builder.
func (m *Forecaster) Results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	l, ok := m.Loss.(resulting)
	if !ok {
		b.Fail(errors.Errorf("forecaster: what the numbers of the loss %T mean is not known as a graph", m.Loss))
		return nil
	}
	if all, _ := m.Loss.Numbers(); b.Err() == nil && len(numbers) != all {
		b.Fail(errors.Errorf("forecaster: %d numbers for each value: the loss has %d", len(numbers), all))
	}
	if b.Err() != nil {
		return nil
	}
	return l.results(b, numbers, at)
}

func (pointForecast) results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	return []ForecastResult{{"forecast", at.own(b, numbers[0])}}
}

func (q Quantiles) results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	z := sorted(b, numbers)
	levels := make([]*G.Node, len(z))
	for i := range z {
		levels[i] = at.own(b, z[i])
	}
	i, part := q.between(min(max(0.5, q.Levels[0]), q.Levels[len(q.Levels)-1]))
	middle := z[i]
	if part > 0 {
		middle = b.Add(b.Affine(z[i], 1-part, 0), b.Affine(z[i+1], part, 0))
	}
	return []ForecastResult{{"forecast", at.own(b, middle)}, {"quantiles", b.Stack(3, levels...)}}
}

// sorted are nodes of one shape, element by element from the smallest to the largest: Batcher's network (1968).
func sorted(b *op.Builder, nodes []*G.Node) []*G.Node {
	z, n := slices.Clone(nodes), len(nodes)
	for p := 1; p < n; p *= 2 {
		for k := p; k > 0; k /= 2 {
			for j := k % p; j+k < n; j += 2 * k {
				for i := j; i < min(j+k, n-k); i++ {
					if i/(2*p) == (i+k)/(2*p) {
						z[i], z[i+k] = b.Min(z[i], z[i+k]), b.Max(z[i], z[i+k])
					}
				}
			}
		}
	}
	return z
}

func (Gaussian) results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	location, scale := b.Add(at.Offset, b.Mul(at.Slope, numbers[0])), b.Mul(at.Slope, deviation(b, numbers[1]))
	if at.Log {
		location = b.Add(location, b.Log(at.Unit))
	} else {
		location, scale = b.Mul(at.Unit, location), b.Mul(at.Unit, scale)
	}
	return []ForecastResult{{"forecast", at.own(b, numbers[0])}, {"location", location}, {"deviation", scale}}
}

func (StudentT) results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	return append(Gaussian{}.results(b, numbers, at), ForecastResult{"freedom", b.Affine(b.Softplus(numbers[2]), 1, 2)})
}

func (NegativeBinomial) results(b *op.Builder, numbers []*G.Node, at ForecastScale) []ForecastResult {
	scale := b.Mul(at.Unit, at.Slope)
	return []ForecastResult{
		{"forecast", b.Mul(scale, b.Affine(b.Softplus(numbers[0]), 1, leastMean))},
		{"dispersion", b.Affine(b.Div(b.Softplus(numbers[1]), b.Sqrt(scale)), 1, leastDispersion)},
	}
}

// between says which level a quantile is, or which it is behind, and what part of the way to the next it is.
func (q Quantiles) between(p float64) (level int, part float64) {
	last := len(q.Levels) - 1
	for i := range last {
		if p < q.Levels[i+1] {
			return i, math.Max(0, (p-q.Levels[i])/(q.Levels[i+1]-q.Levels[i]))
		}
	}
	return last, 0
}
