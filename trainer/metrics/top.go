package metrics

import (
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// InTop says whether a class is among the k whose scores are largest. Of equal scores the first are the
// largest, so that with k = 1 it says whether what a model writes, the first of the largest scores, is the
// class. Where a score is not finite nothing is in a top.
func InTop[F float32 | float64](scores []F, class, k int) bool {
	before := 0
	for i, s := range scores {
		if s-s != 0 { // NaN for both NaN and infinities
			return false
		}
		if s > scores[class] || s == scores[class] && i < class {
			before++
		}
	}
	return before < k
}

// Tops is InTop as nodes of a graph: (scores ...×C, classes ...) -> for each k a node ..., 1 where the class is
// among the k largest and 0 where it is not. Classes are integers.
func Tops(b *op.Builder, scores, classes *G.Node, ks ...int) G.Nodes {
	if scores == nil || scores.Dims() == 0 {
		b.Fail(errors.New("the scores to rank are nil, or a scalar"))
	}
	for _, k := range ks {
		if err := setting.AtLeast("k", k, 1); err != nil {
			b.Fail(err)
		}
	}
	if b.Err() != nil {
		return slices.Repeat(G.Nodes{b.Fail(b.Err())}, len(ks))
	}
	shape := scores.Shape()
	axis := len(shape) - 1
	// Another score that is not finite makes this NaN, for 0·∞ and 0·NaN are.
	own := b.Expand(b.Sum(b.Mul(scores, b.OneHot(classes, shape[axis], scores)), axis), axis) // ...×1
	indices := b.Iota(scores, axis, shape...)
	first := b.Mul(b.Eq(scores, own), b.Lt(indices, b.Expand(b.Cast(classes, scores), axis)))
	before := b.Sum(b.Add(b.Gt(scores, own), first), axis)
	most := math.MaxFloat32
	if scores.Dtype() == tensor.Float64 {
		most = math.MaxFloat64
	}
	finite := b.Squeeze(b.Le(b.Abs(own), b.Fill(scores, most)), axis)
	tops := make(G.Nodes, len(ks))
	for i, k := range ks {
		tops[i] = b.Mul(finite, b.Lt(before, b.Fill(scores, float64(k))))
	}
	return tops
}

// TopK is the part of the examples whose class is in the top k; with k = 1 it is the accuracy. NaN if there are
// no examples. scores is one row for each example.
func TopK(scores [][]float32, classes []int32, k int) float64 {
	hits := 0
	for i, row := range scores {
		if InTop(row, int(classes[i]), k) {
			hits++
		}
	}
	return float64(hits) / float64(len(scores))
}
