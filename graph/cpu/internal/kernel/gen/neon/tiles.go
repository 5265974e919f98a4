package main

import "fmt"

// The tile: 12 rows of 8 columns are 24 sums in registers. A term takes two loads, of 5 registers, for 24 multiply-adds
// of 4 lanes.
const (
	tileRows    = 12
	tileVectors = 2 // of 4 columns
	stridedRows = 4
	rowPanels   = 8
)

// Where sums, B and A are in registers.
const (
	firstB   vec = 0
	firstA   vec = 2
	firstSum vec = 8
)

func (f *file) tiles() {
	for m := 1; m <= tileRows; m++ {
		f.packed(m)
	}
	for m := 1; m <= stridedRows; m++ {
		f.strided(m)
	}
	f.row()
}

// packed generates the tile of m rows for packed operands. The panel of A may be of any width, and is read no further
// than it has rows.
func (f *file) packed(m int) {
	f.function(fmt.Sprintf("tile%dNEON", m), "Set.Tile of that many rows, for packed operands",
		"k int, a *float32, aK int, b, c *float32, cRow, n int, acc bool", func(fn *function) {
			const k, b, aK, quads, pair, single gp = 0, 1, 2, 3, 4, 5
			fn.param("k", k)
			fn.param("b", b)
			fn.paramBytes("aK", aK)
			fn.param("a", quads)
			whole, left := m/4, m%4
			fn.raw("ADD $%d, R%d, R%d", 16*whole, quads, pair)
			fn.raw("ADD $%d, R%d, R%d", 16*whole+4*(left&2), quads, single)
			fn.clear(m * tileVectors)
			fn.repeat(k, func() {
				fn.emit(wholes(tileVectors).load(firstB, b, bySize))
				if whole > 0 {
					fn.emit(wholes(whole).load(firstA, quads, aK))
				}
				rest := firstA + vec(whole)
				if left >= 2 {
					fn.emit(half.load(rest, pair, aK))
				}
				if left&1 == 1 {
					fn.emit(lanes[left-1].load(rest, single, aK))
				}
				for i := range m {
					for j := range tileVectors {
						fn.emit(fmlaLane(sum(i, j), firstB+vec(j), firstA+vec(i/4), i%4))
					}
				}
			})
			fn.store(m)
		})
}

// strided generates the tile of m rows for operands where they lie.
func (f *file) strided(m int) {
	f.function(fmt.Sprintf("strided%dNEON", m), "Set.Tile of that many rows, for any operands",
		"k int, a *float32, aRow, aK int, b *float32, bK int, c *float32, cRow, n int, acc bool", func(fn *function) {
			const k, b, aK, bK, aRow, rows gp = 0, 1, 2, 3, 4, 5
			fn.param("k", k)
			fn.param("b", b)
			fn.param("a", rows)
			fn.paramBytes("aK", aK)
			fn.paramBytes("bK", bK)
			fn.paramBytes("aRow", aRow)
			for i := 1; i < m; i++ {
				fn.raw("ADD R%d, R%d, R%d", aRow, int(rows)+i-1, int(rows)+i)
			}
			fn.clear(m * tileVectors)
			fn.repeat(k, func() {
				fn.emit(wholes(tileVectors).load(firstB, b, bK))
				for i := range m {
					fn.emit(broadcast.load(firstA+vec(i), rows+gp(i), aK))
				}
				for i := range m {
					for j := range tileVectors {
						fn.emit(fmla.of(sum(i, j), firstB+vec(j), firstA+vec(i)))
					}
				}
			})
			fn.store(m)
		})
}

// row generates Set.Row: as many sums as hide the time of an addition.
func (f *file) row() {
	f.function("rowOf8NEON", "Set.Row", "k int, a, b *float32, panel int, c *float32, acc bool", func(fn *function) {
		const k, a, panel, panels gp = 0, 1, 2, 3
		fn.param("k", k)
		fn.param("a", a)
		fn.paramBytes("panel", panel)
		fn.param("b", panels)
		for q := 1; q < rowPanels; q++ {
			fn.raw("ADD R%d, R%d, R%d", panel, int(panels)+q-1, int(panels)+q)
		}
		fn.clear(rowPanels * tileVectors)
		fn.repeat(k, func() {
			x, b := vec(0), vec(2)
			fn.emit(broadcast.load(x, a, bySize))
			for q := range rowPanels {
				b := b + vec(q%3*tileVectors)
				fn.emit(wholes(tileVectors).load(b, panels+gp(q), bySize))
				for j := range tileVectors {
					fn.emit(fmla.of(sum(q, j), b+vec(j), x))
				}
			}
		})
		fn.raw("MOVD $%d, R%d", 16*tileVectors, cRow)
		fn.storeRows(rowPanels)
	})
}

func sum(i, j int) vec { return firstSum + vec(i*tileVectors+j) }

func (fn *function) clear(sums int) {
	for i := range sums {
		fn.emit(eor.of(firstSum+vec(i), firstSum+vec(i), firstSum+vec(i)))
	}
}

// repeat does something as often as a register says.
func (fn *function) repeat(times gp, do func()) {
	fn.raw("CBZ R%d, store", times)
	fn.label("again")
	do()
	fn.raw("SUB $1, R%d, R%d", times, times)
	fn.raw("CBNZ R%d, again", times)
	fn.label("store")
}

// Where the sums go.
const (
	atC  gp = 0
	from gp = 1
	cRow gp = 2
	acc  gp = 3
	n    gp = 4
)

// store writes the first n columns of m rows of sums to C, or adds them.
func (fn *function) store(m int) {
	fn.paramBytes("cRow", cRow)
	fn.param("n", n)
	fn.raw("CMP $%d, R%d", 4*tileVectors, n)
	fn.raw("BLT narrow")
	fn.storeRows(m)
	fn.raw("RET")
	fn.label("narrow")
	fn.storeNarrow(m)
}

func (fn *function) storeRows(m int) {
	fn.param("c", atC)
	fn.param("acc", acc)
	fn.raw("CBZ R%d, write", acc)
	fn.raw("MOVD R%d, R%d", atC, from)
	for i := range m {
		b := firstB + vec(i%3*tileVectors)
		fn.emit(wholes(tileVectors).load(b, from, cRow))
		for j := range tileVectors {
			fn.emit(fadd.of(sum(i, j), sum(i, j), b+vec(j)))
		}
	}
	fn.label("write")
	for i := range m {
		fn.emit(wholes(tileVectors).storeFrom(sum(i, 0), atC, cRow))
	}
}

// storeNarrow takes the columns one by one, from a copy of the sums in the frame.
func (fn *function) storeNarrow(m int) {
	const rows, to, word, left gp = 5, 6, 7, 8
	fn.frame = 16 * tileVectors * m
	fn.raw("MOVD $sums-%d(SP), R%d", fn.frame, from)
	for i := range m {
		fn.emit(wholes(tileVectors).storeFrom(sum(i, 0), from, bySize))
	}
	fn.raw("MOVD $sums-%d(SP), R%d", fn.frame, from)
	fn.param("c", atC)
	fn.param("acc", acc)
	fn.raw("MOVD $%d, R%d", m, rows)
	fn.label("row")
	fn.raw("MOVD R%d, R%d", atC, to)
	fn.raw("MOVD R%d, R%d", from, word)
	fn.raw("MOVD R%d, R%d", n, left)
	fn.label("column")
	fn.raw("FMOVS.P 4(R%d), F0", word)
	fn.raw("CBZ R%d, set", acc)
	fn.raw("FMOVS (R%d), F1", to)
	fn.raw("FADDS F1, F0, F0")
	fn.label("set")
	fn.raw("FMOVS.P F0, 4(R%d)", to)
	fn.raw("SUBS $1, R%d, R%d", left, left)
	fn.raw("BNE column")
	fn.raw("ADD R%d, R%d, R%d", cRow, atC, atC)
	fn.raw("ADD $%d, R%d, R%d", 16*tileVectors, from, from)
	fn.raw("SUBS $1, R%d, R%d", rows, rows)
	fn.raw("BNE row")
}
