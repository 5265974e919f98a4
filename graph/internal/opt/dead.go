package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// dead drops from every loop the stacks that nobody reads, the carries that neither a reader of their last
// value nor anything else that is needed depends on (a carry that only feeds itself is not needed), and then
// the sequences and constants that the body does not use. Values outside of loops need no pass: what no result
// needs is not reached.
func dead(f *ir.Func) (*ir.Func, error) {
	for {
		g, err := deadOnce(f)
		if err != nil || g == f {
			return g, err
		}
		f = g // what a loop no longer reads may now be dead in the loop before
	}
}

func deadOnce(f *ir.Func) (*ir.Func, error) {
	read := map[*ir.Value]map[int]bool{}
	var loops []*ir.Value
	for _, v := range f.Values() {
		switch op := v.Op.(type) {
		case *ir.Loop:
			loops = append(loops, v)
			read[v] = map[int]bool{}
		case ir.Proj:
			if r := read[v.Args[0]]; r != nil {
				r[op.Index] = true
			}
		}
	}
	edits := map[*ir.Value]*parts{}
	for _, v := range loops {
		if p := takeApart(v); p.dropUnread(read[v]) {
			edits[v] = p
		}
	}
	return rewriteLoops(f, builderFor(f), edits)
}

// dropUnread drops what the results that are read do not need, and reports whether there was any.
func (p *parts) dropUnread(read map[int]bool) bool {
	var roots []*ir.Value
	var stacks []stack
	for _, s := range p.stacks {
		if read[s.out] {
			stacks = append(stacks, s)
			roots = append(roots, s.value)
		}
	}
	live := map[*ir.Value]bool{}
	for _, c := range p.carries {
		if read[c.out] {
			live[c.param] = true
			roots = append(roots, c.next)
		}
	}
	var needed map[*ir.Value]bool
	for n := -1; n != len(live); {
		n = len(live)
		needed = p.reach(roots)
		for _, c := range p.carries {
			if needed[c.param] && !live[c.param] {
				live[c.param] = true
				roots = append(roots, c.next)
			}
		}
	}
	var carries []carry
	for _, c := range p.carries {
		if live[c.param] {
			carries = append(carries, c)
		}
	}
	changed := len(stacks) < len(p.stacks) || len(carries) < len(p.carries)
	for _, s := range p.seqs {
		changed = changed || !needed[s.param]
	}
	for _, c := range p.consts {
		changed = changed || !needed[c.param]
	}
	p.stacks, p.carries = stacks, carries
	return changed
}
