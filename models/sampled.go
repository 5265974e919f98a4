package models

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// logUniform is how probable a token is to be drawn: P(j) = ln((j+2)/(j+1)) / ln(V+1), close to how often the j-th
// most frequent word of a language occurs.
type logUniform struct{ vocab int }

// draw gives n different tokens, drawn one after the other until there are as many, and how many draws that took.
func (d logUniform) draw(n int, random *rand.Rand) (tokens []int32, tries int) {
	seen := make(map[int32]bool, n)
	for len(tokens) < n {
		tries++
		t := int32(math.Exp(random.Float64()*math.Log(float64(d.vocab)+1))) - 1
		if t = min(t, int32(d.vocab)-1); !seen[t] {
			seen[t] = true
			tokens = append(tokens, t)
		}
	}
	return tokens, tries
}

// expected is the logarithm of how often tokens, integers or whole numbers, are among those that so many tries give:
//
//	1 - (1 - P(j))^tries
func (d logUniform) expected(b *op.Builder, tokens, tries *G.Node) *G.Node {
	p := b.Affine(b.Log1p(b.Div(b.Fill(tokens, 1, tokens.Shape()...), b.Affine(tokens, 1, 1))),
		1/math.Log(float64(d.vocab)+1), 0)
	return b.Log(b.Neg(b.Expm1(b.Mul(tries, b.Log1p(b.Neg(p))))))
}

// sampledLoss is a sampled softmax (Jean et al., 2015), with the samples and the arithmetic of TensorFlow's
// sampled_softmax_loss: -ln p(target), ... for x, ...×H, where p is a softmax of the target and the sampled tokens
// alone, with
//
//	logit(j) = x·W_j + b_j - ln E(j)
//
// E(j) is how often j is expected among the samples, so that the gradient is, but for a bias that becomes small with
// many samples, that of the softmax of all tokens. A sample that is the target itself is left out for it. Where mask,
// which may be nil, is 0 the loss is exactly 0.
func (l *Linear) sampledLoss(b *op.Builder, x, target, mask *G.Node, aid *Aid) *G.Node {
	if !given(b, x, target, aid.Tries) || !ranked(b, "the samples", aid.Samples, 1) {
		return b.Fail(b.Err())
	}
	shape, n, s := target.Shape(), target.Shape().TotalSize(), aid.Samples.Shape()[0]
	x, target = b.Reshape(x, n, -1), b.Reshape(target, n)
	if mask != nil {
		mask = b.Reshape(mask, n)
	}
	all := b.Concat(0, target, aid.Samples) // one lookup, so that the weights have one gradient of few rows
	rows, biases := b.Gather(l.Weight, all), b.Gather(l.Bias, all)
	d, number := logUniform{l.Weight.Shape()[0]}, b.Cast(all, x)
	biases = b.Sub(biases, d.expected(b, number, b.Cast(aid.Tries, x)))
	right := b.Add(b.Sum(b.Mul(x, b.Slice(rows, 0, 0, n)), 1), b.Slice(biases, 0, 0, n)) // N
	others := b.Add(b.Product(x, b.Slice(rows, 0, n, n+s), op.TransY), b.Slice(biases, 0, n, n+s))
	hit := b.Eq(b.Expand(b.Slice(number, 0, 0, n), 1), b.Slice(number, 0, n, n+s))
	others = b.Where(hit, b.Fill(others, math.Inf(-1)), others) // N×S
	logits := b.Concat(1, b.Expand(right, 1), others)
	return b.Reshape(b.CrossEntropy(logits, b.Fill(target, 0, n), mask, 0), shape...)
}
