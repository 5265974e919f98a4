package inspect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/work"
)

// Cost is what instructions do: for each run of the program, loops counted as often as they go round.
type Cost struct {
	Instrs int     // instructions of the tape
	Runs   int     // of instructions
	FLOP   float64 // additions, multiplications and functions of numbers
	Bytes  int64   // that are read and written, each as often as an instruction names it
}

func (c *Cost) add(d Cost) {
	c.Instrs, c.Runs, c.FLOP, c.Bytes = c.Instrs+d.Instrs, c.Runs+d.Runs, c.FLOP+d.FLOP, c.Bytes+d.Bytes
}

// costs are those of code that runs so many times.
func costs(t *tape.Tape, code []tape.Instr, times int) (sum Cost) {
	for _, in := range code {
		if l, ok := in.(*tape.Loop); ok {
			sum.add(costs(t, l.Body, times*l.Trip))
			continue
		}
		c := costOf(t, in)
		sum.add(Cost{1, times, float64(times) * c.FLOP, int64(times) * c.Bytes})
	}
	return sum
}

// costOf is the cost of a run of an instruction.
func costOf(t *tape.Tape, in tape.Instr) Cost {
	w := work.Of(t, in)
	c := Cost{Instrs: 1, Runs: 1, FLOP: w.FLOP, Bytes: int64(w.Bytes)}
	switch x := in.(type) {
	case *tape.Map:
		for _, op := range x.Code {
			if op.Fn != tape.Const && op.Fn != tape.Iota {
				c.FLOP += float64(elements(x.Shape))
			}
		}
	case *tape.Reduce:
		c.FLOP = float64(x.Outer * x.N * x.Inner)
	case *tape.Rows:
		c.FLOP = 4 * float64(x.Rows*x.Cols)
	case *tape.ScatterAdd:
		c.FLOP = float64(x.N * x.Width)
	case *tape.AllReduce:
		c.FLOP = float64(x.N)
	}
	return c
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// kindOf is the kind of an instruction.
func kindOf(in tape.Instr) string {
	switch x := in.(type) {
	case *tape.Product:
		return "product"
	case *tape.Map:
		return "map"
	case *tape.Reduce:
		return "reduce"
	case *tape.Rows:
		return x.Kind.String()
	case *tape.Gather:
		return "gather"
	case *tape.ScatterAdd:
		return "scatter add"
	case *tape.Put:
		return "put"
	case *tape.Random:
		return "random"
	case *tape.Copy:
		return "copy"
	case *tape.Loop:
		return "loop"
	case *tape.AllReduce:
		return "all-reduce"
	case *tape.Host:
		return "host " + x.Name
	}
	return "other"
}

// names are the slots that instructions touch, by buffer.
type names map[tape.BufferID]*tape.Slot

func namesOf(t *tape.Tape) names {
	n := names{}
	for i := range t.Slots {
		n[t.Slots[i].Buf] = &t.Slots[i]
	}
	return n
}

// of are the names of the states that code reads or writes, the outermost parts of them alone: encoder.0 of
// encoder.0.weight.
func (n names) of(code []tape.Instr) []string {
	var all []string
	var visit func(code []tape.Instr)
	visit = func(code []tape.Instr) {
		for _, in := range code {
			if l, ok := in.(*tape.Loop); ok {
				visit(l.Body)
				continue
			}
			in.Refs(func(r tape.Ref, _ bool) {
				if s := n[r.Buf]; s != nil && s.Kind == tape.State {
					if layer := layerOf(s.Name); !slices.Contains(all, layer) {
						all = append(all, layer)
					}
				}
			})
		}
	}
	visit(code)
	slices.SortFunc(all, cmp.Compare[string])
	return all
}

// layerOf is the layer of a parameter, or of what an optimizer knows of it.
func layerOf(name string) string {
	name, _, _ = strings.Cut(name, "/")
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// join says a few names.
func join(all []string) string {
	const most = 3
	if len(all) > most {
		return strings.Join(all[:most], ", ") + ", …"
	}
	return strings.Join(all, ", ")
}
