// Package op is unroll's own vocabulary of operations on Gorgonia nodes.
//
// An operation is a rule: how it prints, the type of its result, its translation to the IR, its symbolic
// derivative. One operation, one file. Users meet them as methods of Builder, which keep the first error, so
// that a step reads as equations:
//
//	h := b.Tanh(b.Add(b.Add(b.Product(x, W), b.Product(hPrev, U)), bias))
//
// The nodes are ordinary Gorgonia nodes: gorgonia.Grad differentiates them, and Gorgonia's own tape machine
// runs them (slowly, through the reference device). They exist because Gorgonia v0.9.18 silently merges some of
// its own (slices, softmaxes, dropouts): here every node is unique.
package op

import (
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/chewxy/hm"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rule is an operation.
type rule interface {
	// String is the operation's name with its attributes.
	String() string

	// Type is the shape rule: the type of the result. Its errors name the shapes that do not fit.
	Type(in []ir.Type) (ir.Type, error)

	// Lower translates the operation applied to in.
	Lower(b *ir.Builder, in []*ir.Value) *ir.Value

	// Diff is the symbolic derivative: for each input the gradient of a scalar with respect to it, when the
	// gradient with respect to out is grad. Inputs that have no derivative get nil.
	Diff(b *Builder, in []*G.Node, out, grad *G.Node) []*G.Node
}

// partial is implemented by rules that are not differentiable in all of their floating-point inputs.
type partial interface {
	Differentiable(input int) bool
}

// node is a rule applied to inputs of known types: a gorgonia.Op. Each has an identity of its own, because
// Gorgonia takes ops with equal hashes for one.
type node struct {
	rule
	id  uint32
	in  []ir.Type
	out ir.Type
	of  []hm.Type // what Gorgonia knows of in; its int and its int32 are one to us

	once sync.Once // guards eval
	eval *evaluator
}

var nodes atomic.Uint32

var (
	_ G.SDOp      = (*node)(nil)
	_ lower.Op    = (*node)(nil)
	_ lower.Tuple = (*node)(nil)
)

func (n *node) Arity() int            { return len(n.in) }
func (n *node) ReturnsPtr() bool      { return false }
func (n *node) CallsExtern() bool     { return false }
func (n *node) OverwritesInput() int  { return -1 }
func (n *node) WriteHash(h hash.Hash) { fmt.Fprintf(h, "unroll/op %d", n.id) }

// Hashcode is what Gorgonia compares when the hashes of two nodes collide: two ops never have the same.
func (n *node) Hashcode() uint32 { return n.id }

// Tuple reports whether the node holds several values in one; see packedType.
func (n *node) Tuple() bool {
	_, ok := n.rule.(packer)
	return ok
}

func (n *node) Type() hm.Type {
	return hm.NewFnType(append(slices.Clone(n.of), gorgoniaType(n.out))...)
}

func (n *node) InferShape(...G.DimSizer) (tensor.Shape, error) {
	return append(tensor.Shape{}, n.out.Shape...), nil
}

func (n *node) DiffWRT(int) []bool {
	ds := make([]bool, len(n.in))
	for i, t := range n.in {
		ds[i] = t.Dtype != tape.Int32
		if p, ok := n.rule.(partial); ok {
			ds[i] = ds[i] && p.Differentiable(i)
		}
	}
	return ds
}

func (n *node) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	b := New(out.Graph())
	ds := n.rule.Diff(b, in, out, grad)
	return ds, errors.Wrapf(b.Err(), "derivative of %s", lower.Describe(out))
}

// Do computes the operation on the reference device. The compiler does not use it; Gorgonia's own machines do.
func (n *node) Do(in ...G.Value) (G.Value, error) {
	n.once.Do(func() { n.eval = newEvaluator(n) })
	return n.eval.run(in)
}

func gorgoniaType(t ir.Type) hm.Type {
	d := dtypes[t.Dtype]
	if len(t.Shape) == 0 {
		return d
	}
	return G.TensorType{Dims: len(t.Shape), Of: d}
}

var dtypes = map[ir.Dtype]tensor.Dtype{tape.Float32: tensor.Float32, tape.Float64: tensor.Float64,
	tape.Int32: tensor.Int32}

// apply makes the node of a rule. Inputs from an enclosing graph are brought in as constants of the scan whose
// step b builds.
func (b *Builder) apply(r rule, in ...*G.Node) *G.Node {
	if b.err != nil {
		return b.broken()
	}
	in, types, kinds := slices.Clone(in), make([]ir.Type, len(in)), make([]hm.Type, len(in))
	for i, x := range in {
		if x == nil {
			return b.fail(errors.Errorf("%v: input %d is nil", r, i))
		}
		var err error
		if in[i], err = b.own(x); err != nil {
			return b.fail(errors.Wrapf(err, "%v: input %d", r, i))
		}
		if types[i], err = lower.TypeOf(x); err != nil {
			return b.fail(errors.Wrapf(err, "%v: input %d", r, i))
		}
		kinds[i] = in[i].Type()
	}
	out, err := r.Type(types)
	if err != nil {
		return b.fail(errors.Wrapf(err, "%v of %s", r, describe(in)))
	}
	foretell(b.g)
	n, err := G.ApplyOp(&node{rule: r, id: nodes.Add(1), in: types, out: out, of: kinds}, in...)
	if err != nil {
		return b.fail(errors.Wrapf(err, "%v of %s", r, describe(in)))
	}
	return n
}

func describe(ns []*G.Node) string {
	ds := make([]string, len(ns))
	for i, n := range ns {
		ds[i] = lower.Describe(n)
	}
	return strings.Join(ds, ", ")
}
