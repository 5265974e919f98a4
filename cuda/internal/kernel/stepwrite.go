package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// stepWriter writes a Step's kernel.
type stepWriter struct {
	stepSpec
	*ptx.Builder
	tid, lane, part, strip ptx.Value
	group, member          ptx.Value // of the lane: those of a group have the same rows
	row, unit              ptx.Value // the block's first
	sums                   stepSums
}

// stepSums are the results of a warp's part.
type stepSums interface {
	add(c stepChunk)                               // multiplies a chunk
	column() ptx.Value                             // of the thread's first result
	each(f func(row, column int, xs ...ptx.Value)) // calls f with results side by side, from the thread's first on
}

func (s stepSpec) write(b *ptx.Builder) {
	a, packed := b.Pointer("a"), b.Pointer("b")
	var in, out []ptx.Value
	for i, g := range s.gateOf {
		in = append(in, ptx.Value{})
		if g < 0 {
			in[i] = b.Pointer(fmt.Sprintf("in%d", i))
		}
	}
	for i := range s.cell.out {
		out = append(out, b.Pointer(fmt.Sprintf("out%d", i)))
	}
	w := &stepWriter{stepSpec: s, Builder: b, tid: b.Special(ptx.TidX)}
	var number ptx.Value
	number, w.lane = divide(b, w.tid, warp)
	w.part, w.strip = divide(b, number, s.strips)
	w.group, w.member = divide(b, w.lane, warp/s.rowsApart())
	w.unit = b.Mul(b.Special(ptx.CtaidX), ptx.Int(s.units))
	w.row = b.Mul(b.Special(ptx.CtaidY), ptx.Int(s.rows))

	o := w.operands(a, packed)
	chunks := o.early()
	cells := w.cells(in)
	w.multiply(o, chunks)
	shared := w.share()
	for _, c := range cells {
		c.finish(shared, out)
	}
}

// multiply adds up the warp's part of the product, of whose first chunks B was loaded.
func (w *stepWriter) multiply(o *stepOperands, chunks []stepChunk) {
	if w.tensor() {
		w.sums = w.newTensorSums()
	} else {
		w.sums = w.newFMASums()
	}
	for i := range chunks {
		for r := range o.rows {
			chunks[i].a = append(chunks[i].a, o.keep(o.loadA(r, i)))
		}
	}
	if more := w.perWarp() - w.ahead; more > 0 {
		w.For(ptx.U32.Int(0), ptx.U32.Int(more), ptx.Int(w.ahead), func(ptx.Value) {
			for i := range chunks {
				w.sums.add(chunks[i])
				o.reload(chunks[i], w.ahead+i)
			}
			o.advance(w.ahead)
		})
	}
	for _, c := range chunks {
		w.sums.add(c)
	}
}

// stepOperands is where a thread reads A and B.
type stepOperands struct {
	*stepWriter
	rows  []ptx.Value // of A
	first ptx.Value   // of the fragments of B, those of the block's first columns
	apart int         // chunks from one of the warp to its next
}

// operands are those of the thread. On tensor cores the parts take turns with chunks; without, each has chunks
// that lie one behind the other, for a line of the cache has several.
func (w *stepWriter) operands(a, packed ptx.Value) *stepOperands {
	o := &stepOperands{stepWriter: w}
	var chunk, term, place ptx.Value // of the thread: its first chunk, its first term of that, its place in a fragment
	if w.tensor() {
		o.apart, chunk, place = w.parts, w.part, w.lane
		term = w.Mad(chunk, ptx.Int(w.chunk()), w.Mul(w.member, ptx.Int(4)))
	} else {
		o.apart, chunk, place = 1, w.Mul(w.part, ptx.Int(w.perWarp())), w.member
		term = w.Mul(chunk, ptx.Int(w.chunk()))
	}
	first := w.Add(w.row, w.Mad(w.strip, ptx.Int(w.rowsOfStrip()), w.group))
	for i := range w.rowsOfThread() {
		row := w.Min(w.Add(first, ptx.Int(w.rowsApart()*i)), ptx.Int(w.m-1)) // beyond the last row: any will do
		o.rows = append(o.rows, w.Var(w.At(a, w.Mad(row, ptx.Int(w.ldA), term), 4)))
	}
	fragments := w.Mad(w.Shr(w.unit, ptx.Int(3)), ptx.Int(w.chunks()), chunk)
	o.first = w.Var(w.At(w.At(packed, fragments, w.fragment()), place, 16))
	return o
}

// advance goes so many chunks of the warp on.
func (o *stepOperands) advance(chunks int) {
	for _, row := range o.rows {
		o.Set(row, o.Add(row, ptx.Int(chunks*o.apart*o.chunkBytes())))
	}
	o.Set(o.first, o.Add(o.first, ptx.Int(chunks*o.apart*o.fragment())))
}

// chunkBytes is the number of bytes from one chunk of a row of A to the next.
func (o *stepOperands) chunkBytes() int { return 4 * o.chunk() }

// stepChunk is what a thread has loaded of a chunk of terms.
type stepChunk struct {
	a [][]ptx.Value // by rows of the thread: numbers
	b [][]ptx.Value // by eight columns: words of one TF32, or two bfloat16; or numbers
}

// early loads what B has of the warp's first chunks: it stays the same from step to step, so that the kernel before
// need not have ended.
func (o *stepOperands) early() []stepChunk {
	chunks := make([]stepChunk, o.ahead)
	o.Early(func() {
		for i := range chunks {
			for t := range o.columns() / 8 {
				chunks[i].b = append(chunks[i].b, o.keep(o.loadB(t, i)))
			}
		}
	})
	return chunks
}

// keep makes variables of what was loaded.
func (o *stepOperands) keep(vs []ptx.Value) []ptx.Value {
	for i := range vs {
		vs[i] = o.Var(vs[i])
	}
	return vs
}

// reload loads the chunk that is so many chunks of the warp further on into the registers of another.
func (o *stepOperands) reload(c stepChunk, i int) {
	set := func(to, from []ptx.Value) {
		for i := range to {
			o.Set(to[i], from[i])
		}
	}
	for r := range c.a {
		set(c.a[r], o.loadA(r, i))
	}
	for t := range c.b {
		set(c.b[t], o.loadB(t, i))
	}
}

func (o *stepOperands) loadA(row, i int) (xs []ptx.Value) {
	for v := range max(1, o.chunk()/16) {
		xs = append(xs, o.LoadVector(ptx.F32, 4, o.rows[row], i*o.apart*o.chunkBytes()+64*v)...)
	}
	return xs
}

func (o *stepOperands) loadB(tile, i int) []ptx.Value {
	column := o.gates[tile*8/o.units] + tile*8%o.units // from the block's first unit on
	t := ptx.U32
	if !o.tensor() {
		t = ptx.F32
	}
	return o.LoadVector(t, 4, o.first, (column/8*o.chunks()+i*o.apart)*o.fragment())
}

// share writes the parts of the block's result to shared memory, and waits until all are there.
func (w *stepWriter) share() ptx.Value {
	shared, ld := w.Shared(ptx.F32, w.sharedElements()), w.sharedLd()
	row := w.Mad(w.part, ptx.Int(w.rows), w.Mad(w.strip, ptx.Int(w.rowsOfStrip()), w.group))
	at := w.At(shared, w.Mad(row, ptx.Int(ld), w.sums.column()), 4)
	w.sums.each(func(row, column int, xs ...ptx.Value) { w.Store(at, 4*(row*ld+column), xs...) })
	w.Barrier()
	return shared
}

// stepCell is an element of the Map in the hands of a thread.
type stepCell struct {
	*stepWriter
	item      *mapItem
	place     ptx.Value // in a part of shared memory: that of the first gate
	inside    ptx.Value
	registers [][]ptx.Value // of the Map: its inputs
}

// cells are those of the thread. What they read of memory is on its way while the product is computed.
func (w *stepWriter) cells(in []ptx.Value) (cells []stepCell) {
	for k := range w.itemsOfThread() {
		number := w.Add(w.tid, ptx.Int(k*w.threads()))
		row, unit := divide(w.Builder, number, w.units)
		c := stepCell{stepWriter: w, place: w.Mad(row, ptx.Int(w.sharedLd()), unit), registers: make([][]ptx.Value, len(in))}
		index := []ptx.Value{w.Add(w.row, row), w.Add(w.unit, unit)}
		c.inside = w.Lt(index[0], ptx.Int(w.m))
		if w.rows*w.units < w.threads() {
			c.inside = w.And(c.inside, w.Lt(number, ptx.Int(w.rows*w.units)))
		}
		c.item = &mapItem{mapSpec: w.cell, b: w.Builder, index: index, offsets: map[string]ptx.Value{}}
		w.If(c.inside, func() {
			for i, o := range w.cell.in {
				if w.gateOf[i] < 0 {
					c.registers[i] = c.item.load(o, in[i])
				}
			}
		})
		cells = append(cells, c)
	}
	return cells
}

// finish adds the parts of the product, and computes and stores the results.
func (c stepCell) finish(shared ptx.Value, out []ptx.Value) {
	c.If(c.inside, func() {
		at := c.At(shared, c.place, 4)
		sums := make([]ptx.Value, len(c.gates))
		for g := range sums {
			for p := range c.parts {
				x := c.Load(ptx.F32, at, 4*(p*c.rows*c.sharedLd()+g*c.units))
				if p > 0 {
					x = c.Add(sums[g], x)
				}
				sums[g] = x
			}
		}
		for i, g := range c.gateOf {
			if g >= 0 {
				c.registers[i] = []ptx.Value{sums[g]}
			}
		}
		for i, xs := range c.item.results(c.registers) {
			c.item.store(c.cell.out[i], out[i], xs)
		}
	})
}
