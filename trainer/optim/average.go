package optim

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

// AverageWeight is the name of n, a state of the moving average: see StepConfig.Average.
const AverageWeight = "average weight"

const averageKind = "average"

// AverageOf is the name of the state a of a parameter.
func AverageOf(param string) string { return stateName(averageKind, param) }

// average declares an exponential moving average of the parameters w (Polyak and Juditsky, 1992), of decay d:
//
//	n' = d n + (1-d)
//	a' = d a + (1-d) w'          the average is a/n
//
// a/n is a mean of the weights after each step, of which the newest count most; 1-n = d^steps would be what the
// weights before the first step count for, so they are left out.
func average(b *op.Builder, s *States, d float64, params G.Nodes, moved []graph.Update) []graph.Update {
	n := s.Scalar(AverageWeight, params[0].Dtype())
	us := []graph.Update{{State: n, Value: b.Affine(n, d, 1-d)}}
	next := map[*G.Node]*G.Node{}
	for _, u := range moved {
		next[u.State] = u.Value
	}
	for _, w := range params {
		a := s.Like(averageKind, w)
		us = append(us, graph.Update{State: a, Value: b.Add(b.Affine(a, d, 0), b.Affine(next[w], 1-d, 0))})
	}
	return us
}
