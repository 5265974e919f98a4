package models

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// Attention scores how much a query, B×H, has to do with each element of a memory, B×S×D.
type Attention interface {
	// Project is the part of the scores that depends on the memory alone, B×S×...: the memory itself where there is none.
	Project(b *op.Builder, memory *G.Node) *G.Node

	// Scores are B×S, from the query and the projected memory.
	Scores(b *op.Builder, query, projected *G.Node) *G.Node
}

// Attentions are the kinds that NewAttention makes.
var Attentions = []string{"dot", "general", "additive", "concat"}

// NewAttention declares the parameters of an attention of the given kind, for queries of size H and a memory of vectors of size D.
// Matrices are U(±1/√columns) at first.
func NewAttention(p *Params, kind, name string, hidden, memory int) (Attention, error) {
	matrix := func(what string, rows, columns int) *G.Node {
		return p.Uniform(name+"."+what, 1/math.Sqrt(float64(columns)), rows, columns)
	}
	v := func() *G.Node { return p.Uniform(name+".v", 1/math.Sqrt(float64(hidden)), hidden) }
	switch kind {
	case "dot":
		if hidden != memory {
			return nil, errors.Errorf("dot attention needs a query and a memory of one size, not %d and %d; general attention takes both", hidden, memory)
		}
		return Dot{}, nil
	case "general":
		return &General{W: matrix("weight", hidden, memory)}, nil
	case "additive":
		return &Additive{W: matrix("query.weight", hidden, hidden), U: matrix("memory.weight", hidden, memory), V: v()}, nil
	case "concat":
		return &Concat{W: matrix("weight", hidden, hidden+memory), V: v()}, nil
	}
	return nil, errors.Errorf("there is no attention %q; the attentions are %v", kind, Attentions)
}

// Dot is score(q, m_s) = q·m_s (Luong et al., 2015).
type Dot struct{}

// Project implements Attention.
func (Dot) Project(_ *op.Builder, memory *G.Node) *G.Node { return memory }

// Scores implements Attention.
func (Dot) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	return b.Squeeze(b.Product(b.Expand(query, 1), memory, op.TransY), 1) // B×1×H · B×H×S
}

// General is score(q, m_s) = qᵀ·W·m_s, with W H×D (Luong et al., 2015).
type General struct{ W *G.Node }

// Project is W·m_s, B×S×H.
func (a *General) Project(b *op.Builder, memory *G.Node) *G.Node {
	return b.Product(memory, a.W, op.TransY)
}

// Scores implements Attention.
func (a *General) Scores(b *op.Builder, query, projected *G.Node) *G.Node {
	return Dot{}.Scores(b, query, projected)
}

// Additive is score(q, m_s) = v·tanh(W·q + U·m_s), with W H×H and U H×D (Bahdanau et al., 2015).
type Additive struct{ W, U, V *G.Node }

// Project is U·m_s, B×S×H.
func (a *Additive) Project(b *op.Builder, memory *G.Node) *G.Node {
	return b.Product(memory, a.U, op.TransY)
}

// Scores implements Attention.
func (a *Additive) Scores(b *op.Builder, query, projected *G.Node) *G.Node {
	q := b.Expand(b.Product(query, a.W, op.TransY), 1)        // B×1×H
	return b.Sum(b.Mul(b.Tanh(b.Add(q, projected)), a.V), -1) // B×S
}

// Concat is score(q, m_s) = v·tanh(W·[q; m_s]), with W H×(H+D) (Luong et al., 2015). It is Additive with the two matrices side by side.
type Concat struct{ W, V *G.Node }

// Project implements Attention.
func (*Concat) Project(_ *op.Builder, memory *G.Node) *G.Node { return memory }

// Scores implements Attention.
func (a *Concat) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	if !ranked(b, "concat attention", query, 2) || !ranked(b, "concat attention", memory, 3) {
		return b.Fail(b.Err())
	}
	shape := []int{memory.Shape()[0], memory.Shape()[1], query.Shape()[1]}
	both := b.Concat(-1, b.Broadcast(b.Expand(query, 1), shape...), memory) // B×S×(H+D)
	return b.Sum(b.Mul(b.Tanh(b.Product(both, a.W, op.TransY)), a.V), -1)   // B×S
}

// Memory is what a decoder sees of a source. What it does not need is nil.
type Memory struct {
	Values    *G.Node // B×S×D: the encoder's outputs
	Projected *G.Node // B×S×...: see Attention.Project
	Mask      *G.Node // B×S, 0 where the source is padding
	Context   *G.Node // B×D: the source as one vector
}

// Nodes are those that are not nil, in the order of the fields.
func (m Memory) Nodes() []*G.Node {
	var ns []*G.Node
	for _, n := range []*G.Node{m.Values, m.Projected, m.Mask, m.Context} {
		if n != nil {
			ns = append(ns, n)
		}
	}
	return ns
}

// Attend gives the mean of the memory as the attention weighs it, and the weights:
//
//	α = softmax over s of score(query, m_s)      where the mask is not 0; α is 0 elsewhere
//	context = Σ α_s m_s
//
// query is B×H, context B×D, weights B×S.
func Attend(b *op.Builder, a Attention, query *G.Node, m Memory) (context, weights *G.Node) {
	scores := a.Scores(b, query, m.Projected) // B×S
	if m.Mask == nil {
		weights = b.Softmax(scores)
	} else {
		weights = b.MaskedSoftmax(scores, m.Mask)
	}
	return b.Squeeze(b.Product(b.Expand(weights, 1), m.Values), 1), weights // B×1×S · B×S×D
}
