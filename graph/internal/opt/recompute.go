package opt

import (
	"cmp"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Recompute trades time for memory. A loop of T steps becomes a loop over segments of k steps with a loop over the
// steps of a segment in it, and what is computed row by row from what the loop reads, or of what it gives, goes into
// the loop over segments, so that it is there for one segment at a time:
//
//	z = x·W; h = loop(T, f, z); y = h·V    ->    loop(T/k: z' = x'·W; h' = loop(k, f, z'); y' = h'·V)
//
// The way back does not read what the way forward has left of all steps: in its loop over segments, which runs from
// the last to the first, the forward steps of the segment are computed again, from the state at its start. Those
// states, T/k of them, are all that is kept of the way forward.
//
// In the textbooks this is strip mining and loop fusion; and the rematerialisation, or checkpointing, of Griewank and
// Walther (2000), and of Chen et al., "Training deep nets with sublinear memory cost" (2016).
//
// It runs last and takes what the other passes have made as it is, so that every number is computed by the same
// operations as without it, from the same numbers, in the same order: see longSum for what is added up over all steps.
// With k = 0 that is all it does.
//
// The last T mod k steps, or k, and so many segments more as spare says, are a segment of their own, in a loop of one.
// Of these steps all is kept, and nothing computed again: the way back begins where the way forward ends.
func Recompute(f *ir.Func, k, spare int) (*ir.Func, error) {
	g, err := newSegmenter(f, k, spare, usual).run()
	if err != nil || g == f {
		return g, errors.Wrap(err, "recompute")
	}
	return g, g.Verify()
}

// Segments are the lengths of segments that are worth to be tried for f, in steps: powers of two, since the chunks of
// long sums are such, those near the root of the most steps of a loop first. For these it takes the least memory.
func Segments(f *ir.Func) (ks []int) {
	most := MostSteps(f)
	for k := 1; k < most; k *= 2 {
		ks = append(ks, k)
	}
	far := func(k int) float64 { return math.Abs(math.Log(float64(k) / math.Sqrt(float64(most)))) }
	slices.SortStableFunc(ks, func(a, b int) int { return cmp.Compare(far(a), far(b)) })
	return ks
}

// MostSteps is the number of steps of the longest loop of f.
func MostSteps(f *ir.Func) (most int) {
	for _, v := range f.Values() {
		if l, ok := v.Op.(*ir.Loop); ok {
			most = max(most, l.Trip)
		}
	}
	return most
}

// segmenter finds out what is computed where, and builds the new function.
type segmenter struct {
	f     *ir.Func
	b     *ir.Builder
	k     int
	spare int // segments that are not computed again
	limits
	strips []*strip
	of     map[*ir.Value]*strip // by loop
	depth  map[*ir.Value]int    // how many strips there are up to the last that a value depends on
	sums   map[*ir.Value]*longSum
	whole  map[*ir.Value]bool   // what is there for all steps
	wants  map[*ir.Value][]want // where the rows of one segment are wanted
	home   map[*ir.Value]*strip // what is computed for all steps, a segment at a time, within a strip
	done   map[*ir.Value]*ir.Value
}

// strip is a loop of the function. If it is cut, it becomes one over segments.
type strip struct {
	loop   *ir.Value
	op     *ir.Loop
	index  int // from 1, in an order in which none depends on a later one
	cut    bool
	kept   bool                    // its carries at the starts of segments are wanted
	lent   map[int]bool            // the stacks that ways back want of it
	needs  map[*strip]map[int]bool // the stacks that are wanted within: its own, and of strips that it computes again
	stacks map[int]bool            // its own that are wanted of all steps
	hosted []hosted
	*stripResults
}

// hosted is a value that is computed within a strip: row by row, or a long sum.
type hosted struct {
	value *ir.Value
	rev   bool
	sum   *longSum // nil: row by row
}

// want says where rows are wanted: those of a segment of a strip, which are in memory against the order of the steps
// if rev.
type want struct {
	strip *strip
	rev   bool
}

func newSegmenter(f *ir.Func, k, spare int, worth limits) *segmenter {
	s := &segmenter{
		f: f, b: builderFor(f), k: k, spare: spare, limits: worth,
		of: map[*ir.Value]*strip{}, depth: map[*ir.Value]int{}, sums: map[*ir.Value]*longSum{},
		whole: map[*ir.Value]bool{}, wants: map[*ir.Value][]want{}, home: map[*ir.Value]*strip{},
		done: map[*ir.Value]*ir.Value{},
	}
	for _, v := range f.Values() {
		for _, a := range v.Args {
			s.depth[v] = max(s.depth[v], s.depth[a])
		}
		if l, ok := v.Op.(*ir.Loop); ok && l.Trip > 0 && !callsHost(l) {
			o := &strip{loop: v, op: l, index: len(s.strips) + 1,
				cut:   k > 0 && l.Trip > k && stepRows(l)*l.Trip >= worth.fewRows,
				needs: map[*strip]map[int]bool{}, stacks: map[int]bool{}, lent: map[int]bool{}}
			s.strips, s.of[v], s.depth[v] = append(s.strips, o), o, len(s.strips)+1
		}
	}
	return s
}

// stepRows is how many rows a step of a loop has: the sequences of a batch, as a rule.
func stepRows(l *ir.Loop) int {
	rows := 1
	for _, v := range append(slices.Clone(l.Body.Params[:len(l.Seqs)+l.Carries]), l.Body.Results...) {
		if len(v.Shape) > 1 {
			rows = max(rows, v.Shape[0])
		}
	}
	return rows
}

func (s *segmenter) run() (*ir.Func, error) {
	changes := false
	for _, o := range s.strips {
		changes = changes || o.cut
	}
	for _, v := range s.f.Values() {
		if sum := s.longSum(v); sum != nil {
			s.sums[v], changes = sum, true
		}
	}
	if !changes {
		return s.f, nil
	}
	for _, r := range s.f.Results {
		s.whole[r] = true
	}
	for _, v := range slices.Backward(s.f.Values()) {
		s.visit(v)
	}
	g := &ir.Func{Params: s.f.Params}
	for _, r := range s.f.Results {
		g.Results = append(g.Results, s.top(r))
	}
	return g, s.b.Err()
}

// rest is how many steps of o, the last ones, are not in the loop over segments.
func (s *segmenter) rest(o *strip) int {
	trip := o.op.Trip
	rest := trip % s.k
	if o.computedAgain() {
		rest += s.spare * s.k
	}
	if rest == 0 {
		rest = s.k
	}
	return min(rest, trip-s.k)
}

// computedAgain says whether o is computed again, or computes others again.
func (o *strip) computedAgain() bool {
	for other := range o.needs {
		if other != o {
			return true
		}
	}
	return len(o.lent) > 0
}

// stackOf is the cut strip that v is a stack of, and which.
func (s *segmenter) stackOf(v *ir.Value) (o *strip, i int) {
	if p, ok := v.Op.(ir.Proj); ok {
		if o := s.of[v.Args[0]]; o != nil && o.cut && p.Index < len(o.op.Stacks) {
			return o, p.Index
		}
	}
	return nil, 0
}

// reached reports whether rows of a segment of o can be computed within o: v does not depend on o, or row by row.
func (s *segmenter) reached(v *ir.Value, o *strip, rev bool) bool {
	if s.depth[v] < o.index {
		return true
	}
	if p, ok := v.Op.(ir.Proj); ok && s.of[v.Args[0]] != nil {
		return s.of[v.Args[0]] == o && p.Index < len(o.op.Stacks) && o.op.Stacks[p.Index] == rev
	}
	over, ok := rowwise(v, o.op.Trip)
	for i, a := range v.Args {
		ok = ok && (over[i] && s.reached(a, o, rev) || !over[i] && s.depth[a] < o.index)
	}
	return ok
}

// visit decides about v, after all that read it.
func (s *segmenter) visit(v *ir.Value) {
	if o := s.of[v]; o != nil && o.cut {
		s.visitLoop(o)
		return
	}
	if o, i := s.stackOf(v); o != nil {
		s.visitStack(v, o, i)
		return
	}
	for _, w := range s.wants[v] {
		s.whole[v] = s.whole[v] || s.depth[v] < w.strip.index && !s.again(v, w)
	}
	for _, w := range s.wants[v] {
		if !s.taken(v, w.strip) {
			over, _ := rowwise(v, w.strip.op.Trip)
			s.ask(v, over, w)
		}
	}
	if !s.whole[v] {
		return
	}
	if h, o := s.hosting(v); o != nil {
		o.hosted, s.home[v] = append(o.hosted, h), o
		over := slices.Repeat([]bool{true}, len(v.Args))
		if h.sum == nil {
			over, _ = rowwise(v, o.op.Trip)
		}
		s.ask(v, over, want{o, h.rev})
		return
	}
	for _, a := range v.Args {
		s.whole[a] = true
	}
}

// taken reports whether rows of v within o are taken from all of v. Rows of a tuple are those of its parts.
func (s *segmenter) taken(v *ir.Value, o *strip) bool {
	return s.whole[v] && s.depth[v] < o.index && v.Parts == nil
}

// ask wants the arguments of v: those over the steps where w says, the others whole.
func (s *segmenter) ask(v *ir.Value, over []bool, w want) {
	for i, a := range v.Args {
		switch {
		case !over[i]:
			s.whole[a] = true
		case !slices.Contains(s.wants[a], w):
			s.wants[a] = append(s.wants[a], w)
		}
	}
}

// visitLoop wants what a cut loop reads, where it runs and where it is computed again.
func (s *segmenter) visitLoop(o *strip) {
	over := make([]bool, len(o.loop.Args))
	for i, rev := range o.op.Seqs {
		a := o.loop.Args[i]
		for _, at := range s.strips {
			if w := (want{at, rev != (at != o)}); (at == o || at.needs[o] != nil) && !slices.Contains(s.wants[a], w) {
				s.wants[a] = append(s.wants[a], w)
			}
		}
		over[i] = true
	}
	for i, a := range o.loop.Args {
		if !over[i] {
			s.whole[a] = true
		}
	}
}

// visitStack decides whether stack i of o is kept, or computed again where it is wanted.
func (s *segmenter) visitStack(v *ir.Value, o *strip, i int) {
	need := func(at *strip) {
		if at.needs[o] == nil {
			at.needs[o] = map[int]bool{}
		}
		at.needs[o][i] = true
	}
	for _, w := range s.wants[v] {
		switch {
		case w.strip == o:
			need(o)
		case s.recomputes(w, o, i):
			need(w.strip)
			o.kept, o.lent[i] = true, true
		default:
			s.whole[v] = true
		}
	}
	if s.whole[v] {
		need(o)
		o.stacks[i] = true
	}
}

// recomputes reports whether the rows of stack i of o that w is about are computed again there: by the way back,
// which goes against the steps of o.
func (s *segmenter) recomputes(w want, o *strip, i int) bool {
	return w.strip.op.Back && !o.op.Back && w.strip.op.Trip == o.op.Trip && w.rev != o.op.Stacks[i]
}

// again reports whether rows of v, which does not depend on the strip of w, are rather computed there than kept of all
// steps: unless that needs something larger to be kept, or a product, or the like, that is larger.
func (s *segmenter) again(v *ir.Value, w want) bool {
	if _, ok := rowwise(v, w.strip.op.Trip); !ok {
		return false
	}
	if viewed(v) != v || v.Parts != nil {
		return true
	}
	keep, dear := 0, 0
	seen := map[*ir.Value]bool{}
	var look func(x *ir.Value)
	look = func(x *ir.Value) {
		if seen[x] || s.whole[x] || s.depth[x] == 0 {
			return
		}
		seen[x] = true
		if o, i := s.stackOf(x); o != nil {
			if !s.recomputes(w, o, i) {
				keep += x.Shape.Size()
			}
			return
		}
		over, ok := rowwise(x, w.strip.op.Trip)
		if !ok {
			keep += x.Shape.Size()
			return
		}
		if heavy(x.Op) && x != v {
			dear = max(dear, x.Shape.Size())
		}
		for i, a := range x.Args {
			if over[i] {
				look(a)
			}
		}
	}
	look(v)
	return keep < v.Shape.Size() && dear <= v.Shape.Size()
}

// hosting is how v, which is wanted of all steps, is computed within a strip; nil if it is not.
func (s *segmenter) hosting(v *ir.Value) (hosted, *strip) {
	if s.depth[v] == 0 || v.Parts != nil || viewed(v) != v {
		return hosted{}, nil
	}
	o := s.strips[s.depth[v]-1]
	if !o.cut {
		return hosted{}, nil
	}
	if sum := s.sums[v]; sum != nil {
		if s.k%sum.chunk == 0 {
			return hosted{v, sum.rev, sum}, o
		}
		return hosted{}, nil
	}
	if _, ok := rowwise(v, o.op.Trip); ok {
		for _, rev := range []bool{false, true} {
			if s.reached(v, o, rev) {
				return hosted{v, rev, nil}, o
			}
		}
	}
	return hosted{}, nil
}
