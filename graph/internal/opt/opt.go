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
	Run  func(*ir.Func) (*ir.Func, error)
}

// Passes lists the passes in the order in which Run applies them. They remember what they have seen, so that
// one list must not be used by several goroutines at once.
func Passes() []Pass {
	return []Pass{
		{"fold", "computes constants, undoes what cancels", true, inBodies(fold)},
		{"zero", "drops what is multiplied by a constant 0", true, inBodies(zero)},
		{"contract", "finds products among sums of elementwise products", true, inBodies(contract)},
		{"factor", "multiplies repeated rows once, adds rows up before they are multiplied", true, inBodies(factor)},
		{"cse", "computes equal values once", true, inBodies(newCSE())},
		{"args", "tidies what goes into loops and what comes out", true, inBodies(args)},
		{"dead", "drops what no result needs from loops", true, inBodies(dead)},
		{"merge", "makes one loop of loops that do not depend on each other", false, inBodies(merge)},
		{"split", "takes products of concatenations in loops apart", false, inBodies(split)},
		{"regroup", "adds constants first in loops", false, inBodies(regroup)},
		{"reuse", "lets a loop read what an earlier one has computed", false, inBodies(reuse)},
		{"take", "multiplies only what is taken of a product in a loop", false, inBodies(take)},
		{"weightgrad", "sums over the steps of a loop at once behind it", false, inBodies(weightgrad)},
		{"hoist", "moves out of loops what does not depend on their carries", false, inBodies(hoist)},
		{"sink", "moves behind a loop what only its stacks need", false, inBodies(sink)},
		{"join", "makes one product of several in a loop", false, inBodies(join)},
		{"rotate", "adds what a step leaves for the next at the start of the next", false, inBodies(rotate)},
		{"narrow", "cuts before elementwise functions where only slices of them are read", false, inBodies(narrow)},
		{"align", "gives elementwise functions that feed each other one shape", false, inBodies(align)},
		{"fuse", "makes one value of elementwise functions of one shape", false, inBodies(fuse)},
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
		if g != f {
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
