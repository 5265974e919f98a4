package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/ptx"
)

// Table is many Maps of one kind in one launch, such as the updates of all parameters. The kernel has two parameters: the address of the
// descriptions, one for each Map, of 8-byte words (the number of items, the addresses of the inputs used, those of the outputs); and the
// address of Parts.
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
	descriptions, parts := b.Pointer("descriptions"), b.Pointer("parts")
	part := b.LoadVector(ptx.U32, 2, b.At(parts, b.Special(ptx.CtaidX), 8), 0)
	description := b.At(descriptions, part[0], 8*(1+len(s.in)+len(s.out)))
	word := 0
	next := func() ptx.Value {
		x := b.Load(ptx.U64, description, 8*word)
		word++
		return x
	}
	items := next()
	var in, out []ptx.Value
	for range s.in {
		in = append(in, next())
	}
	for range s.out {
		out = append(out, next())
	}
	i := b.Mad(part[1], ptx.Int(threads), b.Special(ptx.TidX))
	if s.wide {
		i = b.MadWide(part[1], ptx.Int(threads), b.Convert(ptx.U64, b.Special(ptx.TidX)))
	}
	s.writeItem(b, i, items, in, out)
}
