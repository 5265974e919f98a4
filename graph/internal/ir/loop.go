package ir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Loop runs Body for steps i = 0, 1, ..., Trip-1.
//
// Its arguments are sequences, then the initial values of carries, then constants; the parameters of Body stand
// in the same order. At step i a sequence's parameter is element i of its leading dimension (element Trip-1-i
// if it is Reversed), a carry's parameter is its value after the step before, a constant's parameter is the
// constant. The results of Body are the carries' next values, then one value for each Stack.
//
// The loop's own results are the stacks (each Trip× the body's value; element i, or Trip-1-i if reversed, is
// from step i), then the final value of each carry.
type Loop struct {
	Trip    int
	Seqs    []bool // for each sequence: is it reversed?
	Carries int
	Stacks  []bool // for each stack: is it reversed?
	Body    *Func
	Label   string // what the user called it, for dumps
	Back    bool   // it is the way back of a derivative: its steps run against those whose results it reads
}

// Consts is the number of constants.
func (l *Loop) Consts() int { return len(l.Body.Params) - len(l.Seqs) - l.Carries }

func directions(rev []bool) string {
	var b strings.Builder
	for _, r := range rev {
		if r {
			b.WriteByte('-')
		} else {
			b.WriteByte('+')
		}
	}
	return b.String()
}

func (l *Loop) String() string {
	return fmt.Sprintf("loop%p%s", l, l.interior())
}

// interior is all about the loop but its body and its name.
func (l *Loop) interior() string {
	s := fmt.Sprintf("(%d, seqs %s, carries %d, stacks %s", l.Trip, directions(l.Seqs), l.Carries, directions(l.Stacks))
	if l.Back {
		s += ", back"
	}
	return s + ")"
}
func (l *Loop) Infer([]*Value) (Type, error) { return Type{}, nil }
func (l *Loop) Results(args []*Value) ([]Type, error) {
	if err := arity(args, len(l.Body.Params)); err != nil {
		return nil, err
	}
	if len(l.Body.Results) != l.Carries+len(l.Stacks) {
		return nil, errors.Errorf("body has %d results, wants %d carries and %d stacks", len(l.Body.Results), l.Carries,
			len(l.Stacks))
	}
	for i, a := range args {
		p := l.Body.Params[i]
		want := p.Shape
		if i < len(l.Seqs) {
			want = want.With(l.Trip)
		}
		if a.Dtype != p.Dtype || !a.Shape.Equal(want) {
			return nil, errors.Errorf("argument %d (%s) is %v, the body wants %v", i, p.Name, a.Type, Type{p.Dtype, want})
		}
	}
	var ts []Type
	for i := range l.Stacks {
		r := l.Body.Results[l.Carries+i]
		ts = append(ts, Type{r.Dtype, r.Shape.With(l.Trip)})
	}
	for i := range l.Carries {
		p, r := l.Body.Params[len(l.Seqs)+i], l.Body.Results[i]
		if p.Dtype != r.Dtype || !p.Shape.Equal(r.Shape) {
			return nil, errors.Errorf("carry %d (%s) is %v and becomes %v", i, p.Name, p.Type, r.Type)
		}
		ts = append(ts, p.Type)
	}
	return ts, nil
}

// Same reports whether two loops compute the same of the same arguments; names have no part in it.
func (l *Loop) Same(o *Loop) bool {
	return l.Trip == o.Trip && l.Carries == o.Carries && slices.Equal(l.Seqs, o.Seqs) &&
		slices.Equal(l.Stacks, o.Stacks) &&
		l.Body.same(o.Body)
}

// same reports whether two functions are the same operations on the same values.
func (f *Func) same(g *Func) bool {
	fs, gs := append(slices.Clone(f.Params), f.Values()...), append(slices.Clone(g.Params), g.Values()...)
	twin := map[*Value]*Value{}
	alike := func(a, b *Value) bool { return twin[a] == b }
	if len(f.Params) != len(g.Params) || len(fs) != len(gs) {
		return false
	}
	for i, v := range fs {
		w := gs[i]
		if known, ok := twin[v]; ok {
			if known != w {
				return false
			}
			continue
		}
		twin[v] = w
		if i < len(f.Params) && (v.Dtype != w.Dtype || !v.Shape.Equal(w.Shape)) {
			return false
		}
		if l, ok := v.Op.(*Loop); ok {
			o, ok := w.Op.(*Loop)
			if !ok || !l.Same(o) {
				return false
			}
		} else if i >= len(f.Params) && v.Op.String() != w.Op.String() {
			return false
		}
		if !slices.EqualFunc(v.Args, w.Args, alike) {
			return false
		}
	}
	return slices.EqualFunc(f.Results, g.Results, alike)
}
