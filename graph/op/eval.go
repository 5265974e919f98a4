package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/internal/plan"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// evaluator computes one node on the reference device.
type evaluator struct {
	n       *node
	program tape.Program
	err     error
}

func newEvaluator(n *node) *evaluator {
	e := &evaluator{n: n}
	e.program, e.err = e.load()
	return e
}

func (e *evaluator) load() (tape.Program, error) {
	b := &ir.Builder{Float: tape.Float32}
	f := &ir.Func{}
	c := plan.Config{Results: []plan.Result{{Name: "out", Updates: -1}}}
	for _, t := range append([]ir.Type{e.n.out}, e.n.in...) {
		if t.Dtype == tape.Float64 {
			b.Float = tape.Float64
		}
	}
	for _, t := range e.n.in {
		f.AddParam(t, "")
		c.Params = append(c.Params, "in")
	}
	in := f.Params
	if u, ok := e.n.rule.(unpacker); ok {
		in = append(in[:len(in)-1:len(in)-1], unpack(b, in[len(in)-1], u.lastInput()))
	}
	out := e.n.Lower(b, in)
	if p, ok := e.n.rule.(packer); ok {
		out = pack(b, out, p.results())
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	f.Results = []*ir.Value{out}
	t, err := plan.Tape(f, b.Float, c)
	if err != nil {
		return nil, err
	}
	return ref.New().Load(t)
}

func (e *evaluator) run(in []G.Value) (G.Value, error) {
	if e.err != nil {
		return nil, errors.Wrap(e.err, e.n.String())
	}
	for i, v := range in {
		data, err := lower.Flatten(v)
		if err != nil {
			return nil, errors.Wrapf(err, "%v: input %d", e.n.rule, i)
		}
		if err := e.program.Write(tape.SlotID(i), data); err != nil {
			return nil, errors.Wrapf(err, "%v: input %d", e.n.rule, i)
		}
	}
	if err := e.program.Run(); err != nil {
		return nil, errors.Wrap(err, e.n.String())
	}
	out := lower.Zeros(e.n.out)
	if err := e.program.Read(tape.SlotID(len(in)), out); err != nil {
		return nil, err
	}
	return lower.Wrap(out, e.n.out.Shape), nil
}

// pack flattens and joins the results of a tuple: the value of a node that holds several.
func pack(b *ir.Builder, tuple *ir.Value, parts []ir.Type) *ir.Value {
	vs := make([]*ir.Value, len(parts))
	for i, t := range parts {
		vs[i] = b.Reshape(b.Cast(b.Proj(tuple, i), b.Float), t.Shape.Size())
	}
	return b.Concat(0, vs...)
}

// unpack is the inverse of pack.
func unpack(b *ir.Builder, joined *ir.Value, parts []ir.Type) *ir.Value {
	vs := make([]*ir.Value, len(parts))
	from := 0
	for i, t := range parts {
		n := t.Shape.Size()
		vs[i] = b.Cast(b.Reshape(b.Slice(joined, 0, from, from+n), t.Shape...), t.Dtype)
		from += n
	}
	return b.Tuple(vs...)
}
