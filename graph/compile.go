// Package graph compiles Gorgonia expression graphs and runs them.
//
// Compile takes the nodes that are wanted and the updates of states (parameters, optimizer state, carried
// state), and gives a Program on a device: the way in for training. NewVM is the same behind Gorgonia's VM
// interface, for graphs that were built for Gorgonia's own machines.
//
//	Gorgonia graph -> lower -> opt -> plan -> tape -> device
//
// What the nodes mean is the business of package op and of the packages above this one.
package graph

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/internal/opt"
	"github.com/unroll-ml/unroll/graph/internal/plan"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Update says that an input node holds another node's value after each run: new = f(old).
type Update struct {
	State *G.Node // an input
	Value *G.Node // of the same type
}

// Config says what to compile.
type Config struct {
	Device  tape.Device // nil: the CPU
	Outputs G.Nodes     // what can be read after a run
	Updates []Update
	Alike   G.Nodes // nodes that Gorgonia has merged and that are one; see Alike
	Plain   bool    // leave out package opt: slow, and the same numbers up to rounding

	// Recompute is K: loops keep their states at every K-th step only, and what else the way back needs is computed
	// again, K steps at a time. The numbers are the same to the bit. It takes less memory where there are many steps,
	// least with about the root of their number. 0: nothing is computed again.
	Recompute int

	// Memory is how many bytes of its device the program may take; 0: any. If it takes more, K is chosen for it, near
	// the root of the number of steps; if that is not enough, Compile gives a *MemoryError.
	Memory int64
}

// check says what is wrong with the configuration.
func (c Config) check() error {
	if len(c.Outputs)+len(c.Updates) == 0 {
		return setting.Set("Outputs", false, "at least one node, unless there are Updates")
	}
	if err := c.checkMemory(); err != nil {
		return err
	}
	for i, n := range c.Outputs {
		if n == nil {
			return setting.Set(fmt.Sprintf("Outputs[%d]", i), false, "a node")
		}
	}
	updated := map[*G.Node]bool{}
	for i, u := range c.Updates {
		switch {
		case u.State == nil || u.Value == nil:
			return setting.Set(fmt.Sprintf("Updates[%d]", i), false, "a state and its new value, both nodes")
		case updated[u.State]:
			return errors.Errorf("two updates of %s: a state has one new value", lower.Describe(u.State))
		case u.State.Op() != nil:
			return errors.Errorf("cannot update %s: it is not an input", lower.Describe(u.State))
		}
		updated[u.State] = true
		old, err := lower.TypeOf(u.State)
		if err != nil {
			return err
		}
		if value, err := lower.TypeOf(u.Value); err != nil {
			return err
		} else if value.Dtype != old.Dtype || !value.Shape.Equal(old.Shape) {
			return errors.Errorf("%s is %v and cannot become %s, %v", lower.Describe(u.State), old.Dtype,
				lower.Describe(u.Value), value.Dtype)
		}
	}
	return nil
}

// Observer is a Device that is told of the graphs that are compiled for it: of all that is wanted and what that needs,
// children before parents. The tape of the graph is what it loads next.
type Observer interface {
	tape.Device
	Observe(nodes G.Nodes, children func(*G.Node) G.Nodes)
}

// Program is a compiled graph on a device. Its states live on the device from one run to the next. It is not
// safe for use by several goroutines at once.
type Program struct {
	planned *planned
	program tape.Program
	slots   map[*G.Node]tape.SlotID
	inputs  G.Nodes
}

// Compile compiles a graph and loads it. Inputs that have a value already (gorgonia.WithValue, gorgonia.Let)
// start with a copy of it, all others with zeros.
func Compile(c Config) (*Program, error) {
	if err := c.check(); err != nil {
		return nil, errors.Wrap(err, "compiling")
	}
	return load(c)
}

// load compiles what was checked. There may be no outputs: a graph with nothing in it runs as well.
func load(c Config) (*Program, error) {
	if c.Device == nil {
		c.Device = cpu.New()
	}
	p := &Program{slots: map[*G.Node]tape.SlotID{}}
	results := append(G.Nodes{}, c.Outputs...)
	for _, u := range c.Updates {
		results = append(results, u.Value)
	}
	if o, ok := c.Device.(Observer); ok {
		o.Observe(lower.Sorted(results), lower.Children)
	}
	p.inputs = lower.Leaves(results)
	known := map[*G.Node]int{}
	_, overlaps := c.Device.(tape.Overlapper)
	names := plan.Config{Overlap: overlaps}
	add := func(n *G.Node) {
		known[n] = len(names.Params)
		p.slots[n] = tape.SlotID(len(names.Params))
		names.Params = append(names.Params, n.Name())
	}
	for _, n := range p.inputs {
		add(n)
	}
	for _, n := range c.Outputs {
		names.Results = append(names.Results, plan.Result{Name: n.Name(), Updates: -1})
	}
	for _, u := range c.Updates {
		if _, ok := known[u.State]; !ok {
			p.inputs = append(p.inputs, u.State)
			add(u.State)
		}
		names.Results = append(names.Results, plan.Result{Name: u.State.Name(), Updates: known[u.State]})
	}
	for i, n := range c.Outputs {
		if _, isInput := p.slots[n]; !isInput {
			p.slots[n] = tape.SlotID(len(p.inputs) + i)
		}
	}

	float, err := floatOf(append(results, p.inputs...))
	if err != nil {
		return nil, err
	}
	f, err := lower.Func(float, p.inputs, results, c.Alike...)
	if err != nil {
		return nil, err
	}
	if !c.Plain {
		if f, err = opt.Run(f); err != nil {
			return nil, err
		}
	}
	if p.planned, err = c.plan(f, float, names); err != nil {
		return nil, err
	}
	if p.program, err = c.Device.Load(p.planned.tape); err != nil {
		return nil, err
	}
	for _, n := range p.inputs {
		if v := n.Value(); v != nil {
			if err := p.setValue(n, v); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// floatOf is the one floating-point type of a program.
func floatOf(nodes G.Nodes) (ir.Dtype, error) {
	var first *G.Node
	float := tape.Float32
	for _, n := range nodes {
		t, err := lower.TypeOf(n)
		if err != nil {
			return 0, err
		}
		switch {
		case t.Dtype == tape.Int32:
		case first == nil:
			first, float = n, t.Dtype
		case t.Dtype != float:
			return 0, errors.Errorf("%s is %v and %s is %v; a program has one floating-point type", lower.Describe(first),
				float, lower.Describe(n), t.Dtype)
		}
	}
	return float, nil
}

// Inputs are the inputs of the compiled graph, states among them.
func (p *Program) Inputs() G.Nodes { return p.inputs }

// Tape is the compiled program, for reading.
func (p *Program) Tape() *tape.Tape { return p.planned.tape }

// Set gives an input a new value: row-major []float32, []float64 or []int32 of the node's type and size, which
// is copied.
func (p *Program) Set(input *G.Node, data any) error {
	s, ok := p.slots[input]
	if !ok {
		return errors.Errorf("%s is not an input of the program", lower.Describe(input))
	}
	return p.program.Write(s, data)
}

func (p *Program) setValue(n *G.Node, v G.Value) error {
	data, err := lower.Flatten(v)
	if err == nil {
		err = p.Set(n, data)
	}
	return errors.Wrapf(err, "the value of %s", lower.Describe(n))
}

// Run computes outputs and updates once.
func (p *Program) Run() error { return p.program.Run() }

// Get copies the value of an output or of an input into data, with the rules of Set.
func (p *Program) Get(n *G.Node, data any) error {
	s, ok := p.slots[n]
	if !ok {
		return errors.Errorf("%s is not an output of the program", lower.Describe(n))
	}
	return p.program.Read(s, data)
}

// Close frees the device's memory.
func (p *Program) Close() error { return p.program.Close() }

// Describe names a node as the errors of this package do: its name and shape, and its op if it has no name of its own.
func Describe(n *G.Node) string { return lower.Describe(n) }
