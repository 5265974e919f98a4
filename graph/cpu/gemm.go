package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
)

// gemm multiplies two matrices by Goto's scheme (Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication", 2008):
//
//	for each block of columns of B, of rows of A, and of terms
//		pack the blocks of A and B that are not packed yet
//		for each tile of C
//			add the product of a panel of A and a panel of B
//
// Both inner steps are jobs for a team; without a team the calling goroutine does all.
type gemm[T kernel.Float] struct {
	kernels      *kernel.Set[T]
	threads      int
	inLoop       bool
	x            matrices
	need         *need[T] // nil: of all rows
	opA, opB     operand
	packA, packB *packed[T] // nil: packed into bufA and bufB block by block
	bufA, bufB   *T

	strips []strip // the rows that are needed

	// The block in hand.
	a, b, c   *T  // of the whole matrices
	p0, k     int // terms
	depth     int // of k terms
	i0, rows  int // rows, in strips
	j0, cols  int // columns, in panels
	rowGroups int
	colGroups int
	packParts int
	packJob   func(member, part int)
	tileJob   func(member, part int)
}

func (g *gemm[T]) init() {
	g.packJob, g.tileJob = g.packPart, g.tilePart
	for i := range g.opA.panels() {
		g.strips = append(g.strips, strip{i, i * g.opA.width, min((i+1)*g.opA.width, g.x.m)})
	}
}

// sizeA and sizeB are the elements needed to pack a block of A and of B.
func (g *gemm[T]) sizeA() int {
	if g.packA != nil {
		return 0
	}
	return min(g.opA.depth, maxBlock) * min(g.opA.panels()*g.opA.width, maxRows)
}

func (g *gemm[T]) sizeB() int {
	if g.packB != nil {
		return 0
	}
	return min(g.opB.depth, maxBlock) * min(g.opB.panels()*g.opB.width, maxCols)
}

// multiply computes C = A·B, or C += A·B, for a matrix of the batch.
func (g *gemm[T]) multiply(t *team, item int, a, b, c *T) {
	g.a, g.b, g.c = a, b, c
	if g.need != nil {
		g.strips = g.need.strips(g.strips[:0], item, g.opA.width)
		leaveOut(&g.x, c, g.strips, 0, g.x.n)
	}
	rowStep, colStep := maxRows/g.opA.width, maxCols/g.opB.width
	for g.j0 = 0; g.j0 < g.opB.panels(); g.j0 += colStep {
		g.cols = min(colStep, g.opB.panels()-g.j0)
		for g.i0 = 0; g.i0 < len(g.strips); g.i0 += rowStep {
			g.rows = min(rowStep, len(g.strips)-g.i0)
			for block, n := 0, blocks(g.opA.depth); block < n; block++ {
				p0, p1 := cut(g.kernels, g.x.k, n, block)
				g.p0, g.k, g.depth = p0, p1-p0, g.kernels.Depth(p1-p0)
				g.block(t)
			}
		}
	}
}

func (g *gemm[T]) block(t *team) {
	g.packParts = 0
	if g.packA == nil {
		g.packParts += g.rows
	}
	if g.packB == nil {
		g.packParts += g.cols
	}
	flops := 2 * float64(g.rows*g.opA.width) * float64(g.cols*g.opB.width) * float64(g.k)
	parts := split(g.threads, flops/float64(g.kernels.Flops), g.rows*g.cols, g.inLoop)
	g.rowGroups = (g.rows + groupPanels - 1) / groupPanels
	if parts > 1 && g.cols*g.opB.width*g.depth*int(unsafe.Sizeof(T(0))) <= smallB {
		g.rowGroups = max(g.rowGroups, min(g.rows, g.threads))
	}
	g.colGroups = min(g.cols, (parts+g.rowGroups-1)/g.rowGroups)
	g.rowGroups = max(g.rowGroups, min(g.rows, (parts+g.colGroups-1)/g.colGroups))
	if t == nil || parts == 1 {
		for i := range g.packParts {
			g.packPart(0, i)
		}
		for i := range g.rowGroups * g.colGroups {
			g.tilePart(0, i)
		}
		return
	}
	t.do(g.packParts, g.packJob)
	t.do(g.rowGroups*g.colGroups, g.tileJob)
}

// packPart packs one panel: of B, if it is to be packed, then of A.
func (g *gemm[T]) packPart(_, part int) {
	if g.packB == nil {
		if part < g.cols {
			g.packPanel(&g.opB, g.bufB, g.b, part, g.j0+part)
			return
		}
		part -= g.cols
	}
	g.packPanel(&g.opA, g.bufA, g.a, part, g.strips[g.i0+part].panel)
}

// packPanel packs a panel of an operand as the i-th in dst.
func (g *gemm[T]) packPanel(o *operand, dst, src *T, i, panel int) {
	at := panel * o.width
	g.kernels.Pack(offset(dst, i*o.width*g.depth), o.width, min(o.width, o.n-at), g.k, offset(src, at*o.srcI+g.p0*o.srcK),
		o.srcI, o.srcK)
}

// tilePart computes the tiles of one group of rows and one of columns.
func (g *gemm[T]) tilePart(_, part int) {
	a, b := g.bufA, g.bufB
	if g.packA != nil {
		a = g.packA.block(g.p0)
	}
	if g.packB != nil {
		b = offset(g.packB.block(g.p0), g.j0*g.opB.width*g.depth)
	}
	mr, nr := g.opA.width, g.opB.width
	iFrom, iTo := share(g.rows, g.rowGroups, part/g.colGroups)
	jFrom, jTo := share(g.cols, g.colGroups, part%g.colGroups)
	acc := g.x.acc || g.p0 > 0
	for j := jFrom; j < jTo; j++ {
		col := (g.j0 + j) * nr
		panel := offset(b, j*nr*g.depth)
		for i := iFrom; i < iTo; i++ {
			s, at := g.strips[g.i0+i], i
			if g.packA != nil {
				at = s.panel
			}
			g.kernels.Tile(s.to-s.from, min(nr, g.x.n-col), g.depth, offset(a, at*mr*g.depth+s.from-s.panel*mr), 1, mr,
				panel, nr, offset(g.c, s.from*g.x.cRow+col), g.x.cRow, acc)
		}
	}
}
