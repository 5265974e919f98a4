package cuda

import (
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (l *lowering) reduce(r *tape.Reduce) []work {
	if r.Outer == 0 || r.Inner == 0 {
		return nil
	}
	stages := kernel.NewReduce(r.Fn, l.float, r.Outer, r.N, r.Inner).Stages
	var ws []work
	from := l.place(r.In)
	for i, s := range stages {
		to := l.place(r.Out)
		if i < len(stages)-1 {
			to = l.borrow(0, r.Outer*s.Parts*r.Inner*l.float.Size())
		}
		ws = append(ws, l.launch(r, s.Launch, from, to, number(s.N), number(s.Inner), number(s.Chunk)))
		from = to
	}
	return ws
}

func (l *lowering) rows(r *tape.Rows) []work {
	if r.Rows == 0 || r.Cols == 0 && !checks(r) || !l.fits(r, r.Rows, r.Cols) {
		return nil
	}
	var args []place
	for _, in := range r.In {
		args = append(args, l.place(in))
	}
	args = append(args, l.place(r.Out), number(r.Cols))
	if checks(r) {
		args = append(args, l.targets(r)...)
	}
	return []work{l.launch(r, kernel.NewRows(r, l.float), args...)}
}

// checks reports whether a function of rows has targets to check.
func checks(r *tape.Rows) bool { return r.Kind == tape.CrossEntropy || r.Kind == tape.CrossEntropyGrad }

// targets registers those of a function of rows, and gives what its kernel needs to report a bad one.
func (l *lowering) targets(r *tape.Rows) []place {
	s := site{instr: r, index: r.In[1], n: r.Rows, rows: r.Cols}
	if r.Mask {
		s.mask = &r.In[len(r.In)-1]
	}
	return l.site(s)
}

func (l *lowering) gather(g *tape.Gather) []work {
	if g.N == 0 || !l.fits(g, g.N, g.Width, g.Rows) {
		return nil
	}
	fault := l.site(site{instr: g, index: g.Index, n: g.N, rows: g.Rows})
	if g.Width == 0 {
		return l.check(g, g.Index, g.N, g.Rows, fault)
	}
	table, out := l.place(g.Table), l.place(g.Out)
	k, items := kernel.NewGather(raw(l.tape.Buffers[g.Table.Buf].Dtype), g.N, g.Width, min(table.align(), out.align()))
	args := append([]place{table, l.place(g.Index), out, number(items), number(g.Rows)}, fault...)
	return []work{l.launch(g, k, args...)}
}

func (l *lowering) scatter(s *tape.ScatterAdd) []work {
	if !l.fits(s, s.N, s.Width, s.Rows) {
		return nil
	}
	var ws []work
	if bytes := int64(s.Rows) * int64(s.Width) * int64(l.float.Size()); bytes > 0 {
		ws = append(ws, &zero{l.place(s.Out), bytes})
	}
	if s.N == 0 {
		return ws
	}
	fault := l.site(site{instr: s, index: s.Index, n: s.N, rows: s.Rows})
	if s.Width == 0 {
		return append(ws, l.check(s, s.Index, s.N, s.Rows, fault)...)
	}
	k := kernel.NewScatterAdd(l.float, s.N, s.Width)
	sorted := l.borrow(0, s.N*kernel.SortedBytes)
	return append(ws,
		l.launch(s, k.Rank, append([]place{l.place(s.Index), sorted, number(s.N), number(s.Rows)}, fault...)...),
		l.launch(s, k.Add, sorted, l.place(s.In), l.place(s.Out), number(s.Width)))
}

func (l *lowering) putRows(p *tape.Put) []work {
	if p.N == 0 || !l.fits(p, p.N, p.Width, p.Rows) {
		return nil
	}
	fault := l.site(site{instr: p, index: p.Index, n: p.N, rows: p.Rows})
	if p.Width == 0 {
		return l.check(p, p.Index, p.N, p.Rows, fault)
	}
	k := kernel.NewPut(raw(l.tape.Buffers[p.In.Buf].Dtype), p.N, p.Width)
	sorted := l.borrow(0, p.N*kernel.SortedBytes)
	return []work{
		l.launch(p, k.Rank, append([]place{l.place(p.Index), sorted, number(p.N), number(p.Rows)}, fault...)...),
		l.launch(p, k.Put, sorted, l.place(p.In), l.place(p.Out), number(p.Width)),
	}
}

// check checks indices of an instruction that moves nothing.
func (l *lowering) check(in tape.Instr, index tape.Ref, n, rows int, fault []place) []work {
	return []work{l.launch(in, kernel.NewCheck(n), append([]place{l.place(index), number(n), number(rows)}, fault...)...)}
}

func (l *lowering) random(r *tape.Random) []work {
	if r.N == 0 || r.Width == 0 {
		return nil
	}
	k, items := kernel.NewRandom(l.float, r.N, r.Width)
	return []work{l.launch(r, k, l.place(r.Keys), l.place(r.Out), number(items), number(int(r.Stream)))}
}
