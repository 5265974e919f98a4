package ptx

import "fmt"

// Var is a register that can be assigned to, with the value of init.
func (b *Builder) Var(init Value) Value {
	t := b.unify("mov", anyType, &init)
	d := b.new(t)
	d.variable = true
	b.move(d, init)
	return d
}

// Set assigns x to v, which Var made.
func (b *Builder) Set(v, x Value) {
	if !v.variable {
		b.fail("mov", "%v was not made by Var", v)
	}
	b.unify("mov", anyType, &v, &x)
	b.move(v, x)
}

func (b *Builder) move(d, x Value) {
	op := "mov." + d.typ.String()
	if d.typ == Pred && x.owner == nil {
		b.fail("mov", "a constant condition")
	}
	b.emit(op, d, x)
}

// Special is a register that the GPU sets.
type Special string

const (
	TidX    Special = "%tid.x" // the thread in its block
	TidY    Special = "%tid.y"
	TidZ    Special = "%tid.z"
	NtidX   Special = "%ntid.x" // the size of the block
	NtidY   Special = "%ntid.y"
	NtidZ   Special = "%ntid.z"
	CtaidX  Special = "%ctaid.x" // the block in the grid
	CtaidY  Special = "%ctaid.y"
	CtaidZ  Special = "%ctaid.z"
	NctaidX Special = "%nctaid.x" // the size of the grid
	NctaidY Special = "%nctaid.y"
	NctaidZ Special = "%nctaid.z"
	LaneID  Special = "%laneid" // the thread in its warp
)

// Special is the value of a special register, U32.
func (b *Builder) Special(s Special) Value {
	d := b.new(U32)
	b.emit("mov.u32", d, s)
	return d
}

func (b *Builder) label() string {
	b.labels++
	return fmt.Sprintf("L%d", b.labels)
}

func (b *Builder) bind(label string) { b.line("%s:", label) }

// jump branches to label where p, or where not p.
func (b *Builder) jump(p Value, when bool, label string) {
	b.unify("bra", isPred, &p)
	not := ""
	if !when {
		not = "!"
	}
	b.line("\t@%s%v bra %s;", not, p, label)
}

// If runs then in the threads for which p holds.
func (b *Builder) If(p Value, then func()) {
	b.wait()
	end := b.label()
	b.jump(p, false, end)
	then()
	b.bind(end)
}

// IfElse runs then in the threads for which p holds, otherwise in the others.
func (b *Builder) IfElse(p Value, then, otherwise func()) {
	b.wait()
	other, end := b.label(), b.label()
	b.jump(p, false, other)
	then()
	b.emit("bra", end)
	b.bind(other)
	otherwise()
	b.bind(end)
}

// While runs body again and again as long as the condition that cond writes holds.
func (b *Builder) While(cond func() Value, body func()) {
	b.wait()
	top, end := b.label(), b.label()
	b.bind(top)
	b.jump(cond(), false, end)
	body()
	b.emit("bra", top)
	b.bind(end)
}

// For runs body with i = start, start+step, ... as long as i < limit. All are integers of one type; step is
// positive, and limit+step must fit into the type.
func (b *Builder) For(start, limit, step Value, body func(i Value)) {
	t := b.unify("for", Type.IsInt, &start, &limit, &step)
	b.wait()
	top, end := b.label(), b.label()
	i := b.new(t)
	b.move(i, start)
	b.jump(b.Ge(i, limit), true, end)
	b.bind(top)
	body(i)
	b.emit("add."+t.String(), i, i, step)
	b.jump(b.Lt(i, limit), true, top) // tested at the end: one branch a turn
	b.bind(end)
}

// GridStride runs body once for each i in [0, n), shared out over all threads of a grid with one dimension:
// thread k of N runs k, k+N, k+2N, ... n is an integer; n plus the number of threads must fit into its type.
func (b *Builder) GridStride(n Value, body func(i Value)) {
	t := b.unify("grid stride", Type.IsInt, &n)
	block, threads := b.Special(CtaidX), b.Special(NtidX)
	start := b.Mad(block, threads, b.Special(TidX))
	step := b.Mul(threads, b.Special(NctaidX))
	b.For(b.Convert(t, start), n, b.Convert(t, step), body)
}

// Return ends the thread.
func (b *Builder) Return() {
	b.wait()
	b.emit("ret")
}

// Barrier waits until all threads of the block have come here; what they wrote before it, all of them read
// after it. All threads of the block must come to the same barrier.
func (b *Builder) Barrier() { b.emit("bar.sync", 0) }
