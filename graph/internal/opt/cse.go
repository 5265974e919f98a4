package opt

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// cse computes equal values once: two values are equal if their operations and their arguments are, with the
// arguments of commutative functions in any order, and loops also if their bodies are. Carries of one loop are
// equal if they start equal and, being equal, stay equal after a step:
//
//	x = f(a), y = f(a)  ->  x = y = f(a)
//
// What makes bodies equal is remembered from one call to the next.
func newCSE() func(f *ir.Func) (*ir.Func, error) {
	bodies := map[*ir.Func]string{}
	return func(f *ir.Func) (*ir.Func, error) { return cse(f, bodies) }
}

func cse(f *ir.Func, bodies map[*ir.Func]string) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			if p := takeApart(v); mergeCarries(p) {
				edits[v] = p
			}
		}
	}
	f, err := rewriteLoops(f, b, edits)
	if err != nil {
		return nil, err
	}
	t := newTable()
	t.bodies = bodies
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		if _, ok := v.Op.(ir.Param); ok {
			return nil
		}
		key := t.key(v.Op, args)
		if w := t.first[key]; w != nil {
			return w
		}
		w := v
		if !slices.Equal(args, v.Args) {
			w = b.New(v.Op, args...).Named(v.Name)
		}
		t.first[key] = w
		return w
	})
}

// table gives equal keys to equal values.
type table struct {
	first  map[string]*ir.Value
	id     map[*ir.Value]int
	bodies map[*ir.Func]string
	buf    []byte
}

func newTable() *table {
	return &table{first: map[string]*ir.Value{}, id: map[*ir.Value]int{}, bodies: map[*ir.Func]string{}}
}

func (t *table) number(v *ir.Value) int {
	n, ok := t.id[v]
	if !ok {
		n = len(t.id)
		t.id[v] = n
	}
	return n
}

// key is equal for equal operations on the same arguments.
func (t *table) key(op ir.Op, args []*ir.Value) string {
	var ids [4]int
	ns := ids[:0]
	for _, a := range args {
		ns = append(ns, t.number(a))
	}
	if e, ok := op.(ir.Elem); ok && commutes(e.Fn) {
		slices.Sort(ns)
	}
	t.buf = t.buf[:0]
	t.append(ns...)
	t.buf = append(t.buf, '|')
	t.op(op)
	return string(t.buf)
}

// op appends what tells op from others; the frequent ones without the help of fmt.
func (t *table) op(op ir.Op) {
	tag := func(s string) { t.buf = append(t.buf, s...) }
	flags := func(fs ...bool) {
		for _, f := range fs {
			t.buf = append(t.buf, map[bool]byte{true: '-', false: '+'}[f])
		}
		t.buf = append(t.buf, ';')
	}
	switch op := op.(type) {
	case ir.Elem:
		t.buf = append(t.buf, 'e', byte(op.Fn), byte(op.To))
	case ir.Proj:
		tag(".")
		t.append(op.Index)
	case ir.Const:
		t.buf = append(t.buf, 'c', byte(op.Of.Dtype))
		t.buf = binary.LittleEndian.AppendUint64(t.buf, math.Float64bits(op.Value))
		t.append(op.Of.Shape...)
	case ir.Broadcast:
		tag("b")
		t.append(op.Shape...)
	case ir.Reshape:
		tag("r")
		t.append(op.Shape...)
	case ir.Transpose:
		tag("t")
		t.append(op.Perm...)
	case ir.Slice:
		tag("s")
		t.append(op.Axis, op.From, op.To)
	case ir.Product:
		tag("p")
		flags(op.TransA, op.TransB)
	case *ir.Loop:
		tag("l")
		t.append(op.Trip, op.Carries)
		flags(op.Seqs...)
		flags(op.Stacks...)
		tag(t.body(op.Body))
	default:
		tag("-" + op.String())
	}
}

func (t *table) append(ns ...int) {
	for _, n := range ns {
		t.buf = binary.AppendUvarint(t.buf, uint64(n))
	}
}

// body is equal for functions that are equal up to names.
func (t *table) body(f *ir.Func) string {
	if s, ok := t.bodies[f]; ok {
		return s
	}
	inner := newTable()
	inner.bodies = t.bodies
	var buf []byte
	for _, p := range f.Params {
		inner.number(p)
		buf = append(append(buf, p.Type.String()...), ';')
	}
	for _, v := range f.Values() {
		if _, ok := v.Op.(ir.Param); ok {
			continue
		}
		key := inner.key(v.Op, v.Args)
		inner.number(v)
		buf = append(binary.AppendUvarint(buf, uint64(len(key))), key...)
	}
	for _, r := range f.Results {
		buf = binary.AppendUvarint(buf, uint64(inner.number(r)))
	}
	t.bodies[f] = string(buf)
	return t.bodies[f]
}

func commutes(fn tape.Fn) bool {
	switch fn {
	case tape.Add, tape.Mul, tape.Max, tape.Min, tape.Eq, tape.Ne:
		return true
	}
	return false
}

// mergeCarries finds carries that are equal at every step, by induction over the steps: all that start equal
// are taken to be equal, and are told apart again if, so taken, their next values differ. It reports whether it
// merged any.
func mergeCarries(p *parts) bool {
	group := map[*ir.Value]*ir.Value{} // a carry's parameter and that of the first which it equals
	inits := map[*ir.Value]*ir.Value{}
	merged := 0
	for _, c := range p.carries {
		if inits[c.init] == nil {
			inits[c.init] = c.param
		} else {
			merged++
		}
		group[c.param] = inits[c.init]
	}
	for before := -1; merged > 0 && merged != before; {
		before = merged
		same := equalUnder(p.op.Body, group)
		merged = 0
		type class struct{ first, next *ir.Value }
		split := map[class]*ir.Value{}
		finer := map[*ir.Value]*ir.Value{}
		for _, c := range p.carries {
			k := class{group[c.param], same[c.next]}
			if split[k] == nil {
				split[k] = c.param
			} else {
				merged++
			}
			finer[c.param] = split[k]
		}
		group = finer
	}
	if merged == 0 {
		return false
	}
	kept := map[*ir.Value]carry{}
	left := p.carries[:0]
	for _, c := range p.carries {
		if g := group[c.param]; g != c.param {
			p.sub[c.param] = g
			p.instead[c.out] = p.final(kept[g])
			continue
		}
		kept[c.param] = c
		left = append(left, c)
	}
	p.carries = left
	return true
}

// equalUnder maps each value of the body to the first that equals it if parameters equal those that they are
// grouped with.
func equalUnder(body *ir.Func, group map[*ir.Value]*ir.Value) map[*ir.Value]*ir.Value {
	t := newTable()
	same := map[*ir.Value]*ir.Value{}
	for _, v := range body.Values() {
		if _, ok := v.Op.(ir.Param); ok {
			same[v] = v
			if g := group[v]; g != nil {
				same[v] = g
			}
			continue
		}
		args := make([]*ir.Value, len(v.Args))
		for i, a := range v.Args {
			args[i] = same[a]
		}
		key := t.key(v.Op, args)
		if t.first[key] == nil {
			t.first[key] = v
		}
		same[v] = t.first[key]
	}
	return same
}
