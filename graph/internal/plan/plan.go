// Package plan turns a program of the IR into a tape: it orders the values, decides which are views of others
// and which results are written straight to where they are wanted (a row of a stack, a part of a concatenation,
// a state), finds a place in the arena for each of the rest, and writes the instructions.
//
// It decides how to move as little memory as possible; what to compute is decided before, in package opt.
// Planning takes any program, optimised or not.
package plan

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Config names what the host can reach. The slots of the tape are the parameters, in order, then the results
// that are not updates, in order.
type Config struct {
	Params  []string
	Results []Result

	// Overlap leaves a device free to run a loop beside the one before it, and parts of a step beside each
	// other: they share no memory, of which the tape takes more.
	Overlap bool
}

// Result says where a result of the program goes.
type Result struct {
	Name    string
	Updates int // the parameter that holds the result after the run; -1 if the result is an output
}

// Tape plans f, whose floating-point values have the element type float.
func Tape(f *ir.Func, float ir.Dtype, c Config) (*tape.Tape, error) {
	if len(c.Params) != len(f.Params) || len(c.Results) != len(f.Results) {
		return nil, errors.Errorf("plan: %d names for %d parameters, %d for %d results", len(c.Params), len(f.Params),
			len(c.Results), len(f.Results))
	}
	p := &planner{tape: &tape.Tape{Float: float}}
	s := newScope(p, nil, nil, f)
	if err := p.slots(s, c); err != nil {
		return nil, err
	}
	s.run()
	if p.err == nil {
		p.finish(s, c)
	}
	if p.err != nil {
		return nil, errors.Wrap(p.err, "plan")
	}
	p.tape.Code = s.code
	p.place(c.Overlap)
	return p.tape, nil
}

// planner holds what all scopes of one tape share.
type planner struct {
	tape    *tape.Tape
	buffers []*buffer
	results []view // where the results of the program are wanted
	err     error
}

// buffer is memory that has no place in the arena yet.
type buffer struct {
	id          tape.BufferID
	loop        *tape.Loop // the innermost loop whose every step writes it anew before reading it; nil: none
	slot        bool
	first, last int // the instructions during which it is alive; see place
}

func (p *planner) buffer(t ir.Type, loop *tape.Loop) *buffer {
	b := &buffer{id: tape.BufferID(len(p.buffers)), loop: loop, first: -1}
	p.buffers = append(p.buffers, b)
	p.tape.Buffers = append(p.tape.Buffers, tape.Buffer{Dtype: t.Dtype, Len: t.Shape.Size()})
	return b
}

func (p *planner) slot(name string, kind tape.SlotKind, t ir.Type) view {
	b := p.buffer(t, nil)
	b.slot = true
	p.tape.Slots = append(p.tape.Slots, tape.Slot{Name: name, Kind: kind, Shape: t.Shape, Buf: b.id})
	return dense(b, t.Shape)
}

func (p *planner) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// finish moves results to their slots: first outputs, which may be old values of states, then updates.
func (p *planner) finish(s *scope, c Config) {
	var places []view
	var values []*ir.Value
	for i, r := range s.f.Results {
		if c.Results[i].Updates >= 0 {
			places, values = append(places, p.results[i]), append(values, r)
			continue
		}
		s.deliver(r, p.results[i])
	}
	s.advance(places, values, s.f.Params)
}

// slots makes the slots and gives results a home in them: an output always, an update if the old value is not
// needed any more.
func (p *planner) slots(s *scope, c Config) error {
	updated := make([]bool, len(c.Params))
	for i, r := range c.Results {
		if r.Updates < 0 {
			continue
		}
		if r.Updates >= len(c.Params) || updated[r.Updates] {
			return errors.Errorf("plan: result %q updates parameter %d, which there is not or has an update", r.Name, r.Updates)
		}
		if w, v := s.f.Params[r.Updates], s.f.Results[i]; !w.Shape.Equal(v.Shape) || w.Dtype != v.Dtype {
			return errors.Errorf("plan: %q is %v and cannot become %v", c.Params[r.Updates], w.Type, v.Type)
		}
		updated[r.Updates] = true
	}
	for i, param := range s.f.Params {
		kind := tape.Input
		if updated[i] {
			kind = tape.State
		}
		s.at[keyOf(param)] = p.slot(c.Params[i], kind, param.Type)
	}
	for i, r := range c.Results {
		v := s.f.Results[i]
		if r.Updates < 0 {
			place := p.slot(r.Name, tape.Output, v.Type)
			p.results = append(p.results, place)
			s.settle(v, place)
			continue
		}
		w := s.f.Params[r.Updates]
		p.results = append(p.results, s.at[keyOf(w)])
		s.settleOver(v, s.at[keyOf(w)], w)
	}
	return nil
}
