package opt

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Pass is one rewriting of a program.
type Pass struct {
	Name string
	Doc  string // what it does, on one line
	Tidy bool   // it is repeated after every other pass, with all that are Tidy, until nothing changes
	Last bool   // but not after this one, which makes what others do not know
	Run  func(*ir.Func) (*ir.Func, error)
}

// Passes lists the passes in the order in which Run applies them. They remember what they have seen, so that
// one list must not be used by several goroutines at once.
func Passes() []Pass {
	return []Pass{
		{Name: "fold", Doc: "computes constants, undoes what cancels", Tidy: true, Run: inBodies(fold)},
		{Name: "zero", Doc: "drops what is multiplied by a constant 0", Tidy: true, Run: inBodies(zero)},
		{Name: "contract", Doc: "finds products among sums of elementwise products", Tidy: true, Run: inBodies(contract)},
		{Name: "factor", Doc: "multiplies repeated rows once, adds rows up before they are multiplied", Tidy: true, Run: inBodies(factor)},
		{Name: "cse", Doc: "computes equal values once", Tidy: true, Run: inBodies(newCSE())},
		{Name: "args", Doc: "tidies what goes into loops and what comes out", Tidy: true, Run: inBodies(args)},
		{Name: "dead", Doc: "drops what no result needs from loops", Tidy: true, Run: inBodies(dead)},
		{Name: "merge", Doc: "makes one loop of loops that do not depend on each other", Run: inBodies(merge)},
		{Name: "split", Doc: "takes products of concatenations in loops apart", Run: inBodies(split)},
		{Name: "regroup", Doc: "adds constants first in loops", Run: inBodies(regroup)},
		{Name: "reuse", Doc: "lets a loop read what an earlier one has computed", Run: inBodies(reuse)},
		{Name: "take", Doc: "multiplies only what is taken of a product in a loop", Run: inBodies(take)},
		{Name: "weightgrad", Doc: "sums over the steps of a loop at once behind it", Run: inBodies(weightgrad)},
		{Name: "hoist", Doc: "moves out of loops what does not depend on their carries", Run: inBodies(hoist)},
		{Name: "sink", Doc: "moves behind a loop what only its stacks need", Run: inBodies(sink)},
		{Name: "join", Doc: "makes one product of several in a loop", Run: inBodies(join)},
		{Name: "rotate", Doc: "adds what a step leaves for the next at the start of the next", Run: inBodies(rotate)},
		{Name: "narrow", Doc: "cuts before elementwise functions where only slices of them are read", Run: inBodies(narrow)},
		{Name: "align", Doc: "gives elementwise functions that feed each other one shape", Run: inBodies(align)},
		{Name: "fuse", Doc: "makes one value of elementwise functions of one shape", Run: inBodies(fuse)},
		{Name: "need", Doc: "leaves out rows of products that a select drops", Last: true, Run: need},
	}
}

// Option changes what Run does.
type Option func(*config)

type config struct {
	without []string
	trace   io.Writer
}

// Without leaves passes out, by name.
func Without(names ...string) Option {
	return func(c *config) { c.without = append(c.without, names...) }
}

// Trace writes the program to w as it is at first and after every pass that changed it.
func Trace(w io.Writer) Option {
	return func(c *config) { c.trace = w }
}

// rounds bounds the repetitions of the tidying passes. Two or three are usual; one more finds that nothing changes.
const rounds = 8

// Run applies the passes to f. A name in Without that no pass has is an error, as is a program that is not well formed.
func Run(f *ir.Func, opts ...Option) (*ir.Func, error) {
	var c config
	for _, o := range opts {
		o(&c)
	}
	passes, err := c.passes()
	if err != nil {
		return nil, err
	}
	if err := f.Verify(); err != nil {
		return nil, errors.Wrap(err, "the program to optimise")
	}
	var tidy []Pass
	for _, p := range passes {
		if p.Tidy {
			tidy = append(tidy, p)
		}
	}
	c.dump("program", f)
	if f, err = c.tidy(tidy, f); err != nil {
		return nil, err
	}
	for _, p := range passes {
		if p.Tidy {
			continue
		}
		g, err := c.apply(p, f)
		if err != nil {
			return nil, err
		}
		if g != f && !p.Last {
			if g, err = c.tidy(tidy, g); err != nil {
				return nil, err
			}
		}
		f = g
	}
	return f, nil
}

// passes are those that the options leave.
func (c *config) passes() ([]Pass, error) {
	all := Passes()
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	for _, n := range c.without {
		if !slices.Contains(names, n) {
			return nil, errors.Errorf("there is no pass %q to leave out: the passes are %s", n, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(p Pass) bool { return slices.Contains(c.without, p.Name) }), nil
}

// tidy repeats passes until nothing changes.
func (c *config) tidy(passes []Pass, f *ir.Func) (*ir.Func, error) {
	for range rounds {
		before := f
		for _, p := range passes {
			var err error
			if f, err = c.apply(p, f); err != nil {
				return nil, err
			}
		}
		if f == before {
			break
		}
	}
	return f, nil
}

func (c *config) apply(p Pass, f *ir.Func) (*ir.Func, error) {
	g, err := p.Run(f)
	if err != nil {
		return nil, errors.Wrapf(err, "pass %s", p.Name)
	}
	if g != f {
		c.dump(p.Name, g)
	}
	return g, nil
}

func (c *config) dump(what string, f *ir.Func) {
	if c.trace != nil {
		fmt.Fprintf(c.trace, "== %s\n%v\n", what, f)
	}
}
