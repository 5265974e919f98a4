package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// LogSoftmax is x - ln Σ eˣ over the last axis: the logarithm of Softmax.
func (b *Builder) LogSoftmax(x *G.Node) *G.Node { return b.apply(logSoftmax{}, x) }

type logSoftmax struct{}

func (logSoftmax) String() string                     { return "LogSoftmax" }
func (logSoftmax) Type(in []ir.Type) (ir.Type, error) { return in[0], rows(in[0]) }
func (logSoftmax) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.LogSoftmax}, in...)
}

// Diff: see logSoftmaxGrad.
func (logSoftmax) Diff(b *Builder, _ []*G.Node, y, g *G.Node) []*G.Node {
	return []*G.Node{b.logSoftmaxGrad(y, g)}
}
