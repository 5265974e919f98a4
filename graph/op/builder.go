package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// Builder makes nodes of one graph and keeps the first error, as bufio.Writer does: many calls, one check of
// Err. After an error all methods return a node without meaning, never nil.
type Builder struct {
	g      *G.ExprGraph
	err    error
	filler *G.Node // what methods return after an error

	streams uint32 // of random numbers, so far

	// In the step of a Scan: the graph around it, and its nodes that the step has used, with the constants that
	// stand for them.
	outer    *Builder
	captured []*G.Node
	consts   []*G.Node
}

// New gives a builder of nodes in g.
func New(g *G.ExprGraph) *Builder {
	b := &Builder{g: g}
	if g == nil {
		b.fail(errors.New("there is no graph to build in: it is nil"))
	}
	return b
}

// Graph is the graph that b builds.
func (b *Builder) Graph() *G.ExprGraph { return b.g }

// Err is the first error of any method. That of a builder that is nil, or that has no graph, is that it is so.
func (b *Builder) Err() error {
	if b == nil {
		return errors.New("there is no builder: it is nil")
	}
	return b.err
}

// Fail is how functions that build with b report a mistake of their caller: err is b's error from now on,
// unless it has one. It gives a node without meaning, as all methods do after an error.
func (b *Builder) Fail(err error) *G.Node { return b.fail(err) }

// fail keeps the first error.
func (b *Builder) fail(err error) *G.Node {
	if b.err == nil {
		b.err = err
	}
	return b.broken()
}

func (b *Builder) broken() *G.Node {
	if b.filler == nil {
		b.filler = G.NewScalar(G.NewGraph(), G.Float64, G.WithName("node after an error"))
	}
	return b.filler
}

// own gives the node of b's graph that stands for x: x itself, or, in the step of a Scan, a constant for a node
// of the graph around it.
func (b *Builder) own(x *G.Node) (*G.Node, error) {
	if x.Graph() == b.g {
		return x, nil
	}
	for i, c := range b.captured {
		if c == x {
			return b.consts[i], nil
		}
	}
	if b.outer == nil {
		return nil, errors.Errorf("%s belongs to another graph", lower.Describe(x))
	}
	if _, err := b.outer.own(x); err != nil {
		return nil, err
	}
	t, err := lower.TypeOf(x)
	if err != nil {
		return nil, err
	}
	c := b.input("const", len(b.consts), x.Name(), t)
	b.captured, b.consts = append(b.captured, x), append(b.consts, c)
	return c, nil
}
