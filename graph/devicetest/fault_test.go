package devicetest

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// A fault is a mistake that the author of a device might make. The check that it names must see it.
type fault struct {
	check   string
	name    string
	rewrite rewriter                                                // of each instruction, or nil
	load    func(d tape.Device, t *tape.Tape) (tape.Program, error) // instead of Load, or nil
	wrap    func(p tape.Program, t *tape.Tape) tape.Program         // of the program, or nil
}

var faults = slices.Concat(slotFaults(), productFaults(), fnFaults(), mapFaults(), rowsFaults(), moveFaults(),
	loopFaults(), packFaults(), hostFaults(), allReduceFaults())

// Every fault is seen by its check, and every check sees a fault.
func TestFaultsAreSeen(t *testing.T) {
	byName := map[string]check{}
	for _, c := range checks {
		byName[c.name] = c
	}
	floats := []tape.Dtype{tape.Float32, tape.Float64}
	for _, f := range faults {
		c, ok := byName[f.check]
		if !ok {
			t.Fatalf("fault %q names the check %q, which does not exist", f.name, f.check)
		}
		t.Run(f.check+"/"+f.name, func(t *testing.T) {
			for _, float := range floats {
				err := c.run(&faulty{t, f}, float)
				if err == nil {
					t.Errorf("%v: the check %q does not see that a device %s", float, f.check, f.name)
				} else if testing.Verbose() {
					t.Logf("%v: %.300v", float, err)
				}
			}
		})
	}
	for _, c := range checks {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.check == c.name }) {
			t.Errorf("no fault fails the check %q", c.name)
		}
	}
}

// The wrapper alone makes no fault: what the faults fail by is theirs.
func TestWrapperIsFaultless(t *testing.T) {
	none := fault{rewrite: func(t *tape.Tape, in tape.Instr, depth int) []tape.Instr { return []tape.Instr{in} }}
	Run(t, &faulty{t, none}, tape.Float32)
}

// faulty is ref with a fault.
type faulty struct {
	t *testing.T
	fault
}

func (d *faulty) Name() string { return "ref" }

func (d *faulty) Load(t *tape.Tape) (tape.Program, error) {
	dev := ref.New()
	if d.rewrite != nil && tape.Verify(t) == nil {
		t = rewrite(t, d.rewrite)
		if err := tape.Verify(t); err != nil {
			d.t.Fatalf("the fault makes a malformed tape: %v", err)
		}
	}
	if d.load != nil {
		return d.load(dev, t)
	}
	p, err := dev.Load(t)
	if err == nil && d.wrap != nil {
		p = d.wrap(p, t)
	}
	return p, err
}

// A rewriter returns what a faulty device runs instead of an instruction that lies in the given number of
// loops. It may append to the tape's buffers.
type rewriter func(t *tape.Tape, in tape.Instr, depth int) []tape.Instr

// rewrite returns a copy of t with f applied to all instructions, those within loops before the loops.
func rewrite(t *tape.Tape, f rewriter) *tape.Tape {
	c := *t
	c.Buffers = slices.Clone(t.Buffers)
	var walk func(code []tape.Instr, depth int) []tape.Instr
	walk = func(code []tape.Instr, depth int) (out []tape.Instr) {
		for _, in := range code {
			if l, ok := in.(*tape.Loop); ok {
				in = &tape.Loop{Trip: l.Trip, Body: walk(l.Body, depth+1)}
			}
			out = append(out, f(&c, in, depth)...)
		}
		return out
	}
	c.Code = walk(t.Code, 0)
	return &c
}

// edit changes copies of the instructions of one type.
func edit[I any, P interface {
	*I
	tape.Instr
}](f func(t *tape.Tape, in P)) rewriter {
	return func(t *tape.Tape, in tape.Instr, depth int) []tape.Instr {
		p, ok := in.(P)
		if !ok {
			return []tape.Instr{in}
		}
		c := *p
		f(t, &c)
		return []tape.Instr{P(&c)}
	}
}

// replace puts other instructions in the place of those of one type, and keeps those for which f gives nil.
func replace[P tape.Instr](f func(t *tape.Tape, in P, depth int) []tape.Instr) rewriter {
	return func(t *tape.Tape, in tape.Instr, depth int) []tape.Instr {
		if p, ok := in.(P); ok {
			if code := f(t, p, depth); code != nil {
				return code
			}
		}
		return []tape.Instr{in}
	}
}

// drop leaves out the instructions of one type for which f holds.
func drop[P tape.Instr](f func(in P) bool) rewriter {
	return replace(func(_ *tape.Tape, in P, _ int) []tape.Instr {
		if f(in) {
			return []tape.Instr{}
		}
		return nil
	})
}

// expand replaces operations of Maps: f gets an operation and emits others by add, which returns their
// register; it returns the register of the result.
func expand(f func(op tape.Op, m *tape.Map, add func(op tape.Op) int) int) rewriter {
	return edit(func(_ *tape.Tape, m *tape.Map) {
		old, n := m.Code, len(m.In)
		m.Code = nil
		regs := make([]int, n)
		for r := range regs {
			regs[r] = r
		}
		add := func(op tape.Op) int {
			m.Code = append(m.Code, op)
			return n + len(m.Code) - 1
		}
		for _, op := range old {
			for i := range op.Fn.Arity() {
				op.Args[i] = regs[op.Args[i]]
			}
			regs = append(regs, f(op, m, add))
		}
		m.Result = slices.Clone(m.Result)
		for i, r := range m.Result {
			m.Result[i] = regs[r]
		}
	})
}

// instead expands the operations of one function.
func instead(
	fn tape.Fn, f func(x, y, z int, add func(fn tape.Fn, args ...int) int, number func(v float64) int) int,
) rewriter {
	return expand(func(op tape.Op, _ *tape.Map, add func(tape.Op) int) int {
		if op.Fn != fn {
			return add(op)
		}
		call := func(fn tape.Fn, args ...int) int {
			o := tape.Op{Fn: fn}
			copy(o.Args[:], args)
			return add(o)
		}
		number := func(v float64) int { return add(tape.Op{Fn: tape.Const, Value: v}) }
		return f(op.Args[0], op.Args[1], op.Args[2], call, number)
	})
}

// onHost is a Host that computes in float64.
func onHost(out, in []tape.HostArg, f func(out, in [][]float64)) []tape.Instr {
	return []tape.Instr{&tape.Host{Name: "fault", In: in, Out: out, Fn: func(out, in []any) error {
		numbers := func(xs []any) (ys [][]float64) {
			for _, x := range xs {
				ys = append(ys, unhost(x))
			}
			return ys
		}
		results := numbers(out)
		f(results, numbers(in))
		for i, r := range results {
			copyTo(out[i], r)
		}
		return nil
	}}}
}

func arg(r tape.Ref, shape ...int) tape.HostArg { return tape.HostArg{Ref: r, Shape: shape} }

// extentB is the number of elements that the B of a product spans.
func extentB(p *tape.Product) int {
	rows, cols := p.K, p.N
	if p.TransB {
		rows, cols = cols, rows
	}
	return extent(p.Batch, p.StrideB, rows, p.LdB, cols)
}

func extentA(p *tape.Product) int {
	rows, cols := p.M, p.K
	if p.TransA {
		rows, cols = cols, rows
	}
	return extent(p.Batch, p.StrideA, rows, p.LdA, cols)
}

func extent(batch, stride, rows, ld, cols int) int {
	if batch*rows*cols == 0 {
		return 0
	}
	return (batch-1)*stride + (rows-1)*ld + cols
}

// scratch appends a buffer to the arena.
func scratch(t *tape.Tape, dtype tape.Dtype, n int) tape.Ref {
	r := rig{tape: *t}
	b := r.buffer(dtype, n)
	*t = r.tape
	return tape.Ref{Buf: b}
}

// naive runs a product on the host, with each term computed by f.
func naive(f func(a, b float64) float64) rewriter {
	return replace(func(t *tape.Tape, p *tape.Product, _ int) []tape.Instr {
		sizeC := extent(p.Batch, p.StrideC, p.M, p.LdC, p.N)
		return onHost([]tape.HostArg{arg(p.C, sizeC)}, []tape.HostArg{arg(p.A, extentA(p)), arg(p.B, extentB(p))},
			func(out, in [][]float64) {
				for m := range p.Batch {
					for i := range p.M {
						for j := range p.N {
							at := m*p.StrideC + i*p.LdC + j
							sum := 0.0
							if p.Acc {
								sum = out[0][at]
							}
							for k := range p.K {
								ia, ib := i*p.LdA+k, k*p.LdB+j
								if p.TransA {
									ia = k*p.LdA + i
								}
								if p.TransB {
									ib = j*p.LdB + k
								}
								sum += f(in[0][m*p.StrideA+ia], in[1][m*p.StrideB+ib])
							}
							out[0][at] = sum
						}
					}
				}
			})
	})
}
