package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// Table is many Maps of one kind in one launch, such as the updates of all parameters. The kernel has two
// parameters: the address of the descriptions, one for each Map, of 8-byte words (the number of items, the
// addresses of the inputs used, those of the outputs); and the address of Parts.
type Table struct {
	Launch
	Parts [][2]uint32 // by block: which Map, and which of the stretches of its items
}

// Key is equal for Maps that a Table can hold together.
func (m Mapped) Key() string { return fmt.Sprintf("%+v", m.spec) }

// tableThreads is the size of a table's blocks.
const tableThreads = 256

// NewTable puts Maps with equal keys together. They must not depend on each other.
func NewTable(maps []Mapped) Table {
	s := maps[0].spec
	s.table = true
	var t Table
	for k, m := range maps {
		for stretch := range (m.Items + tableThreads - 1) / tableThreads {
			t.Parts = append(t.Parts, [2]uint32{uint32(k), uint32(stretch)})
		}
	}
	t.Launch = Launch{
		Kernel:  newKernel("maps", s, tableThreads, func(b *ptx.Builder) { s.write(b, tableThreads) }),
		Blocks:  [2]int{len(t.Parts), 1},
		Threads: tableThreads,
	}
	return t
}

// writeTable writes the kernel of a table.
func (s mapSpec) writeTable(b *ptx.Builder, threads int) {
	d := s.description(b)
	s.writeItem(b, d.item(s, threads), d.items, d.in, d.out)
}

// description is what a block of a table reads about its Map.
type description struct {
	b       *ptx.Builder
	stretch ptx.Value // which stretch of the items is the block's
	items   ptx.Value
	in, out []ptx.Value
}

func (s mapSpec) description(b *ptx.Builder) description {
	descriptions, parts := b.Pointer("descriptions"), b.Pointer("parts")
	part := b.LoadVector(ptx.U32, 2, b.At(parts, b.Special(ptx.CtaidX), 8), 0)
	at := b.At(descriptions, part[0], 8*(1+len(s.in)+len(s.out)))
	word := 0
	next := func() ptx.Value {
		x := b.Load(ptx.U64, at, 8*word)
		word++
		return x
	}
	d := description{b: b, stretch: part[1], items: next()}
	for range s.in {
		d.in = append(d.in, next())
	}
	for range s.out {
		d.out = append(d.out, next())
	}
	return d
}

// item is the thread's first item in a stretch of span items.
func (d description) item(s mapSpec, span int) ptx.Value {
	tid := d.b.Special(ptx.TidX)
	if s.wide {
		return d.b.MadWide(d.stretch, ptx.Int(span), d.b.Convert(ptx.U64, tid))
	}
	return d.b.Mad(d.stretch, ptx.Int(span), tid)
}
