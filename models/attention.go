package models

import (
	"fmt"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// AttentionKind makes attentions: what a model is told about how its decoder looks at the source. The zero values of
// Dot, General, Additive and Concat are such, and so may be a type of yours.
type AttentionKind interface {
	// NewAttention declares the parameters of an attention for queries of length hidden and a memory of vectors of
	// length memory. p gives their names what tells them from others of the model.
	NewAttention(p *Params, hidden, memory int) (Attention, error)
}

// Attention scores how much a query, B×H, has to do with each element of a memory, B×S×D: B×S. An attention that is a
// Projector gets the projected memory.
type Attention interface {
	Scores(b *op.Builder, query, memory *G.Node) *G.Node
}

// Projector is an Attention whose scores depend on the memory through something that can be computed once, for all
// queries.
type Projector interface {
	Attention

	// Project is made of the memory, B×S×D, and has one row for each element of it too: B×S×....
	Project(b *op.Builder, memory *G.Node) *G.Node
}

// Attentions are the names of the kinds that AttentionNamed knows.
var Attentions = []string{"dot", "general", "additive", "concat"}

// AttentionNamed is one of Attentions.
func AttentionNamed(name string) (AttentionKind, error) {
	if err := setting.OneOf("Attention", name, Attentions); err != nil {
		return nil, err
	}
	return map[string]AttentionKind{"dot": Dot{}, "general": General{}, "additive": Additive{},
		"concat": Concat{}}[name], nil
}

// attentionMatrix declares a matrix that is U(±1/√columns) at first.
func attentionMatrix(p *Params, name string, rows, columns int) *G.Node {
	return p.Uniform(name, 1/math.Sqrt(float64(columns)), rows, columns)
}

// attentionVector declares v, U(±1/√H) at first.
func attentionVector(p *Params, hidden int) *G.Node {
	return p.Uniform("v", 1/math.Sqrt(float64(hidden)), hidden)
}

// Dot is score(q, m_s) = q·m_s (Luong et al., 2015).
type Dot struct{}

// NewAttention needs queries and a memory of one size.
func (Dot) NewAttention(_ *Params, hidden, memory int) (Attention, error) {
	if hidden != memory {
		return nil, &setting.Error{Setting: "Attention", Value: "dot",
			Want: fmt.Sprintf("another, such as general, where the query has %d numbers and the memory %d", hidden, memory)}
	}
	return Dot{}, nil
}

// Scores implements Attention.
func (Dot) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	return b.Squeeze(b.Product(b.Expand(query, 1), memory, op.TransY), 1) // B×1×H · B×H×S
}

// General is score(q, m_s) = qᵀ·W·m_s, with W H×D (Luong et al., 2015).
type General struct{ W *G.Node }

// NewAttention declares weight.
func (General) NewAttention(p *Params, hidden, memory int) (Attention, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	return General{W: attentionMatrix(p, "weight", hidden, memory)}, p.b.Err()
}

// Project is W·m_s, B×S×H.
func (a General) Project(b *op.Builder, memory *G.Node) *G.Node {
	return b.Product(memory, a.W, op.TransY)
}

// Scores implements Attention.
func (a General) Scores(b *op.Builder, query, projected *G.Node) *G.Node {
	return Dot{}.Scores(b, query, projected)
}

// Additive is score(q, m_s) = v·tanh(W·q + U·m_s), with W H×H and U H×D (Bahdanau et al., 2015).
type Additive struct{ W, U, V *G.Node }

// NewAttention declares query.weight, memory.weight and v.
func (Additive) NewAttention(p *Params, hidden, memory int) (Attention, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	return Additive{
		W: attentionMatrix(p, "query.weight", hidden, hidden),
		U: attentionMatrix(p, "memory.weight", hidden, memory),
		V: attentionVector(p, hidden),
	}, p.b.Err()
}

// Project is U·m_s, B×S×H.
func (a Additive) Project(b *op.Builder, memory *G.Node) *G.Node {
	return b.Product(memory, a.U, op.TransY)
}

// Scores implements Attention.
func (a Additive) Scores(b *op.Builder, query, projected *G.Node) *G.Node {
	q := b.Expand(b.Product(query, a.W, op.TransY), 1)        // B×1×H
	return b.Sum(b.Mul(b.Tanh(b.Add(q, projected)), a.V), -1) // B×S
}

// Concat is score(q, m_s) = v·tanh(W·[q; m_s]), with W H×(H+D) (Luong et al., 2015). It is Additive with the
// two matrices side by side.
type Concat struct{ W, V *G.Node }

// NewAttention declares weight and v.
func (Concat) NewAttention(p *Params, hidden, memory int) (Attention, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	return Concat{W: attentionMatrix(p, "weight", hidden, hidden+memory), V: attentionVector(p, hidden)}, p.b.Err()
}

// Scores implements Attention.
func (a Concat) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
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
	Projected *G.Node // B×S×...: what a Projector makes of them, once; nil: Attend makes it, if there is one
	Mask      *G.Node // B×S, 0 where the source is padding
	Context   *G.Node // B×D: the source as one vector
}

// For is the memory as the attention wants it, projected.
func (m Memory) For(b *op.Builder, a Attention) Memory {
	if p, ok := a.(Projector); ok && m.Projected == nil {
		m.Projected = p.Project(b, m.Values)
	}
	return m
}

// Attend gives the mean of the memory as the attention weighs it, and the weights:
//
//	α = softmax over s of score(query, m_s)      where the mask is not 0; α is 0 elsewhere
//	context = Σ α_s m_s
//
// query is B×H, context B×D, weights B×S.
func Attend(b *op.Builder, a Attention, query *G.Node, m Memory) (context, weights *G.Node) {
	if a == nil {
		n := b.Fail(errors.New("there is no attention to attend with"))
		return n, n
	}
	m = m.For(b, a)
	memory := m.Values
	if m.Projected != nil {
		memory = m.Projected
	}
	scores := a.Scores(b, query, memory) // B×S
	if m.Mask == nil {
		weights = b.Softmax(scores)
	} else {
		weights = b.MaskedSoftmax(scores, m.Mask)
	}
	return b.Squeeze(b.Product(b.Expand(weights, 1), m.Values), 1), weights // B×1×S · B×S×D
}
