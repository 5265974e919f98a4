package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// Fold is the sums over all elements of the results of Maps of one kind, none of which is written: the squared
// norms of all gradients, say. It has two stages. The kernel of the first has the parameters
//
//	the address of the descriptions, the address of Parts, the address of one number for each part
//
// where a description is the number of items and the addresses of the inputs used. The kernel of the second has
// the parameters
//
//	the address of those numbers, the address of the sums
//
// where a sum is described by three 8-byte words: its first part, the number of its parts, and the address of
// the result.
type Fold struct {
	First, Second Launch
	Parts         [][2]uint32 // by block of the first stage: which Map, and which of the stretches of its items
	Sums          [][2]int    // by Map: its first part, and how many it has
}

// FoldKey is equal for Maps that a Fold can hold together; they have one result.
func (m Mapped) FoldKey() string { return fmt.Sprintf("%+v", m.folded()) }

// folded is the Map without its output.
func (m Mapped) folded() mapSpec {
	s := m.spec
	s.out = nil
	return s
}

// foldSpan is how many items a block of the first stage adds up.
const foldSpan = 8 * tableThreads

// NewFold makes the sums of the results of Maps ready.
func NewFold(maps []Mapped) Fold {
	s := maps[0].folded()
	var f Fold
	for k, m := range maps {
		first := len(f.Parts)
		for stretch := range (m.Items + foldSpan - 1) / foldSpan {
			f.Parts = append(f.Parts, [2]uint32{uint32(k), uint32(stretch)})
		}
		f.Sums = append(f.Sums, [2]int{first, len(f.Parts) - first})
	}
	f.First = Launch{newKernel("fold", s, tableThreads, s.writeFold), [2]int{len(f.Parts), 1}, tableThreads}
	f.Second = Launch{newKernel("fold_parts", s.compute, tableThreads,
		func(b *ptx.Builder) { writeFoldParts(b, s.compute) }), [2]int{len(maps), 1}, tableThreads}
	return f
}

func (s mapSpec) writeFold(b *ptx.Builder) {
	d := s.description(b)
	sums := b.Pointer("sums")
	t := s.compute.register()
	items, span := d.items, ptx.U64.Int(foldSpan)
	last := b.MadWide(d.stretch, ptx.Int(foldSpan), b.Var(span))
	end := b.Min(items, last)
	if !s.wide {
		end = b.Convert(ptx.U32, end)
	}
	acc := b.Var(zero(t))
	b.For(d.item(s, foldSpan), end, ptx.Int(tableThreads), func(i ptx.Value) {
		_, results := s.item(b, i, d.in)
		for _, x := range results[0] {
			b.Set(acc, b.Add(acc, x))
		}
	})
	total := foldBlock(b, tableThreads, acc, (*ptx.Builder).Add)
	b.If(b.Eq(b.Special(ptx.TidX), ptx.Int(0)), func() { b.Store(b.At(sums, b.Special(ptx.CtaidX), t.Size()), 0, total) })
}

func writeFoldParts(b *ptx.Builder, float Elem) {
	parts, sums := b.Pointer("parts"), b.Pointer("sums")
	t, size := float.register(), float.Size()
	sum := b.At(sums, b.Special(ptx.CtaidX), 24)
	first, count, out := b.Load(ptx.U64, sum, 0), b.Load(ptx.U64, sum, 8), b.Load(ptx.U64, sum, 16)
	parts = b.At(parts, first, size)
	acc := b.Var(zero(t))
	tid := b.Special(ptx.TidX)
	b.For(b.Convert(ptx.U64, tid), count, ptx.Int(tableThreads), func(i ptx.Value) {
		b.Set(acc, b.Add(acc, b.Load(t, b.At(parts, i, size), 0)))
	})
	total := foldBlock(b, tableThreads, acc, (*ptx.Builder).Add)
	b.If(b.Eq(tid, ptx.Int(0)), func() { b.Store(out, 0, total) })
}
