package cpu

import (
	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// maxBlock bounds the depth at which a product's sums are computed at a stretch: a panel of B of this height
// fits the first cache.
const maxBlock = 384

// blocks is the number of blocks that sums of a depth (kernel.Set.Depth) are cut into, and cut is which terms of k are
// in block i of n. They depend on nothing else, so that the order of summation does not either. Pairs are not cut.
func blocks(depth int) int { return (depth + maxBlock - 1) / maxBlock }

func cut[T kernel.Float](ks *kernel.Set[T], k, n, i int) (from, to int) {
	if ks.Pairs == 0 {
		return share(k, n, i)
	}
	from, to = share((k+1)/2, n, i)
	return 2 * from, min(2*to, k)
}

// An operand is a matrix as Pack sees it: n rows of A, or n columns of B, of k elements each, which take depth when
// packed. Element p of row i lies at i*srcI+p*srcK.
type operand struct {
	n, k, width int
	depth       int
	srcI, srcK  int
}

func (o *operand) panels() int { return (o.n + o.width - 1) / o.width }

// size is the number of elements of the operand when packed.
func (o *operand) size() int { return o.panels() * o.width * o.depth }

// packPanels packs elements [p0, p0+k) of panels [from, to) of src, each Depth(k)*width elements in dst.
func packPanels[T kernel.Float](ks *kernel.Set[T], o *operand, dst, src *T, from, to, p0, k int) {
	for j := from; j < to; j++ {
		at := j * o.width
		ks.Pack(offset(dst, at*ks.Depth(k)), o.width, min(o.width, o.n-at), k, offset(src, at*o.srcI+p0*o.srcK),
			o.srcI, o.srcK)
	}
}

// packed is an operand that keeps its contents while several products, or several steps of a loop, read it, and
// so is packed only once. A block of its terms begins at element panels*width*Depth(its first term); within it lies
// one panel after the other.
type packed[T kernel.Float] struct {
	kernels *kernel.Set[T]
	operand
	place place
	stays bool // no run of this program writes it
	*store[T]
	src   *T
	parts int
	part  func(member, part int)
}

// store is where a packed operand lies: that of a program or, of a slot in common, that of all programs of a family.
type store[T kernel.Float] struct {
	memory *T
	stamp  uint64 // of what stays: what machine.written said when it was packed, plus 1
}

// packKey tells operands apart. Two products that agree in it, in the same frame, share the packed operand.
type packKey struct {
	frame   *frame
	buf     tape.BufferID
	off     int
	step    string
	operand operand
}

// pack returns the operand for the memory behind r as some kernels pack it, or nil if that memory does not stay the
// same.
func (l *loader[T]) pack(ks *kernel.Set[T], r tape.Ref, o operand) *packed[T] {
	f := l.hoist(r)
	if f == nil {
		return nil
	}
	key := packKey{f, r.Buf, r.Off, tape.Ref{Step: r.Step}.String(), o}
	if p := l.packs[key]; p != nil {
		return p
	}
	p := &packed[T]{
		kernels: ks,
		operand: o,
		place:   newPlace(l.tape, r),
		stays:   f == l.frames[0],
		parts:   l.parts(float64(o.size())*0.5, o.panels()),
		store:   &store[T]{},
	}
	p.part = p.pack
	switch name := l.commonName(r.Buf); {
	case !p.stays:
		claim(&l.work, o.size(), func(at *T) { p.memory = at })
	case name != "":
		k := commonPack{name, r.Off, key.step, o}
		l.taken = append(l.taken, k)
		p.store = take[T](l.family, k)
		l.own = append(l.own, p)
	default:
		l.own = append(l.own, p)
	}
	l.packs[key] = p
	f.before = append(f.before, p)
	return p
}

// commonName is the name of a slot that the program has in common with others; "": the buffer is none.
func (l *loader[T]) commonName(id tape.BufferID) string {
	if l.family == nil {
		return ""
	}
	for _, s := range l.tape.Slots {
		if s.Buf == id && s.Kind != tape.Output && l.family.names[s.Name] {
			return s.Name
		}
	}
	return ""
}

func (p *packed[T]) run(m *machine) error {
	if p.stays {
		now := *m.written[p.place.buf] + 1
		if p.stamp == now {
			return nil
		}
		p.stamp = now
	}
	p.src = (*T)(p.place.in(m))
	m.team.do(p.parts, p.part)
	return nil
}

func (p *packed[T]) pack(_, part int) {
	from, to := share(p.panels(), p.parts, part)
	for b, n := 0, blocks(p.depth); b < n; b++ {
		p0, p1 := cut(p.kernels, p.k, n, b)
		packPanels(p.kernels, &p.operand, p.block(p0), p.src, from, to, p0, p1-p0)
	}
}

// block is where the block that begins at term p0 lies.
func (p *packed[T]) block(p0 int) *T {
	return offset(p.memory, p.panels()*p.width*p.kernels.Depth(p0))
}
