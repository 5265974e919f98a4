package models

import (
	"fmt"
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// adaptive is the adaptive softmax of Grave et al. (2017), with PyTorch's names and sizes (AdaptiveLogSoftmaxWithLoss).
// Tokens 0, ..., c₀-1 are in the head, which also has one output for each of the K tails; tail i has tokens cᵢ, ...,
// cᵢ₊₁-1, and the further a tail, the narrower the vector that it sees:
//
//	ln p(j)  = logsoftmax(x·W_hᵀ)_j                                                   j < c₀
//	ln p(j)  = logsoftmax(x·W_hᵀ)_(c₀+i) + logsoftmax((x·P_iᵀ)·W_iᵀ)_(j-cᵢ)           cᵢ ≤ j < cᵢ₊₁
//
// P_i is H/4^(i+1)×H. These are exact probabilities: they sum to 1 over all tokens. In training a tail computes the
// targets alone that are in it, so that a step costs little for tokens that are rare.
type adaptive struct {
	ends  []int   // c₀, ..., V
	head  *G.Node // (c₀+K)×H
	tails []tail
}

type tail struct{ projection, weight *G.Node } // D×H and (cᵢ₊₁-cᵢ)×D

// MaxTails is how many tails an adaptive softmax may have.
const MaxTails = 8

// tailShrink is how much narrower each tail is than that before it.
const tailShrink = 4

// newAdaptive declares the parameters name.head.weight, name.tail.0.0.weight, name.tail.0.1.weight, ...
func newAdaptive(p *Params, name string, hidden, vocab int, cutoffs []int) *adaptive {
	a := &adaptive{ends: append(slices.Clone(cutoffs), vocab)}
	matrix := func(what string, rows, columns int) *G.Node {
		return p.Uniform(name+"."+what+".weight", 1/math.Sqrt(float64(columns)), rows, columns)
	}
	a.head = matrix("head", cutoffs[0]+len(cutoffs), hidden)
	for i := range cutoffs {
		narrow := narrowed(hidden, i)
		a.tails = append(a.tails, tail{
			matrix(fmt.Sprintf("tail.%d.0", i), narrow, hidden), matrix(fmt.Sprintf("tail.%d.1", i), a.size(i), narrow),
		})
	}
	return a
}

// size is the number of tokens of a tail.
func (a *adaptive) size(i int) int { return a.ends[i+1] - a.ends[i] }

// apply gives the logits of a tail.
func (t tail) apply(b *op.Builder, x *G.Node) *G.Node {
	return b.Product(b.Product(x, t.projection, op.TransY), t.weight, op.TransY)
}

// Apply is ln p of all tokens: ...×H -> ...×V.
func (a *adaptive) Apply(b *op.Builder, x *G.Node) *G.Node {
	head := b.LogSoftmax(b.Product(x, a.head, op.TransY))
	c := a.ends[0]
	parts := []*G.Node{b.Slice(head, -1, 0, c)}
	for i, t := range a.tails {
		parts = append(parts, b.Add(b.LogSoftmax(t.apply(b, x)), b.Slice(head, -1, c+i, c+i+1)))
	}
	return b.Concat(-1, parts...)
}

// loss implements output. A tail computes the rows that aid gives it; what else is among them is not counted.
func (a *adaptive) loss(b *op.Builder, x, target, mask *G.Node, smoothing float64, aid *Aid) *G.Node {
	if smoothing != 0 || aid == nil || len(aid.Rows) != len(a.tails) {
		return b.Fail(errors.Errorf("the loss of an adaptive softmax with %d tails needs the rows of each, and has "+
			"no smoothing",
			len(a.tails)))
	}
	if !given(b, x, target) {
		return b.Fail(b.Err())
	}
	shape := target.Shape()
	n := shape.TotalSize()
	x, target = b.Reshape(x, n, -1), b.Reshape(target, n)
	if mask != nil {
		mask = b.Reshape(b.Cast(mask, x), n)
	}
	token := b.Cast(target, x)
	class := b.Min(token, b.Fill(token, float64(a.ends[0]))) // in the head: the token, or c₀ + its tail
	for _, end := range a.ends[1:len(a.tails)] {
		class = b.Add(class, b.Ge(token, b.Fill(token, float64(end))))
	}
	loss := b.CrossEntropy(b.Product(x, a.head, op.TransY), b.Cast(class, target), mask, 0)
	for i, t := range a.tails {
		rows := aid.Rows[i]
		local := b.Affine(b.Gather(token, rows), 1, -float64(a.ends[i]))
		within := b.Ge(local, b.Fill(local, 0))
		if i < len(a.tails)-1 { // in the last a token that there is not is an error, as in a full softmax
			within = b.Mul(within, b.Lt(local, b.Fill(local, float64(a.size(i)))))
		}
		if mask != nil {
			within = b.Mul(within, b.Gather(mask, rows))
		}
		of := b.CrossEntropy(t.apply(b, b.Gather(x, rows)), b.Cast(local, target), within, 0)
		loss = b.Add(loss, b.ScatterAdd(rows, of, n))
	}
	return b.Reshape(loss, shape...)
}
