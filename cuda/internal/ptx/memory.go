package ptx

import (
	"fmt"
	"strings"
)

// Param declares the next parameter of the kernel and returns its value. Every parameter has 8 bytes: U64, S64 or F64.
func (b *Builder) Param(name string, t Type) Value {
	b.declare("param", name)
	if t.Size() != 8 {
		b.fail("param", "%s is %v; parameters have 8 bytes", name, t)
		t = U64
	}
	b.params = append(b.params, fmt.Sprintf(".param .%v %s", t, name))
	d := b.new(t)
	b.emit("ld.param."+t.String(), d, "["+name+"]")
	return d
}

// Pointer declares the next parameter of the kernel, an address in global memory, and returns it as U64.
func (b *Builder) Pointer(name string) Value {
	x := b.Param(name, U64)
	d := b.new(U64)
	b.emit("cvta.to.global.u64", d, x)
	return d
}

func (b *Builder) declare(what, name string) {
	switch {
	case !identifier(name):
		b.fail(what, "%q is no name: letters, digits and _, a letter first", name)
	case b.names[name]:
		b.fail(what, "there are two of the name %s", name)
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	b.names[name] = true
}

// Shared reserves shared memory for n elements of type t and returns its address, a U32 and a multiple of 16.
func (b *Builder) Shared(t Type, n int) Value {
	if n < 1 || !notPred(t) {
		b.fail("shared", "%d elements of %v", n, t)
	}
	name := fmt.Sprintf("shared%d", len(b.shared))
	b.declare("shared", name)
	b.shared = append(b.shared, fmt.Sprintf(".shared .align 16 .b8 %s[%d];", name, n*t.Size()))
	return b.address(name)
}

// DynamicShared is the address of the shared memory whose size is set at launch, a U32 and a multiple of 16.
func (b *Builder) DynamicShared() Value {
	b.module.dynamic = true
	return b.address(dynamic)
}

func (b *Builder) address(name string) Value {
	d := b.new(U32)
	b.emit("mov.u32", d, name)
	return d
}

// At is the address of element i of an array of elements of the given size in bytes. The array is at addr: in
// global memory if that is a U64, in shared memory if it is a U32. A 32-bit i beside a global address is
// widened with its sign, if it has one.
func (b *Builder) At(addr, i Value, size int) Value {
	b.unify("address", Type.IsInt, &addr)
	if i.typ == untyped {
		i.typ = S32
	}
	t := b.unify("index", Type.IsInt, &i)
	switch {
	case addr.typ.Size() == t.Size():
		i.typ = addr.typ
		return b.Mad(i, Int(size), addr)
	case t.Size() == 4:
		base := addr
		base.typ = wide(t)
		d := b.MadWide(i, Int(size), base)
		d.typ = addr.typ
		return d
	}
	b.fail("index", "a 64-bit index of shared memory")
	return addr
}

// place is an operand in memory, and the state space that its address is in: a U64 is in global memory, a U32
// in shared. It is about to be read or written.
func (b *Builder) place(op string, addr Value, offset int) (space, operand string) {
	t := b.unify(op, func(t Type) bool { return t == U64 || t == U32 }, &addr)
	if addr.owner == nil {
		b.fail(op, "the address is a constant")
	}
	space, operand = "global", fmt.Sprintf("[%v+%d]", addr, offset)
	if offset == 0 {
		operand = fmt.Sprintf("[%v]", addr)
	}
	if t == U32 {
		space = "shared"
	} else {
		b.wait()
	}
	return space, operand
}

// Load reads an element of type t, offset bytes after addr: in global memory if addr is a U64, in shared memory
// if it is a U32. All addresses are multiples of the size of what is read.
func (b *Builder) Load(t Type, addr Value, offset int) Value {
	if !notPred(t) {
		b.fail("ld", "elements of type %v", t)
		t = U32
	}
	space, from := b.place("ld", addr, offset)
	d := b.new(t)
	b.emit("ld."+space+"."+t.String(), d, from)
	return d
}

// LoadVector reads n neighbouring elements at once: 2, or 4 of 4 bytes.
func (b *Builder) LoadVector(t Type, n int, addr Value, offset int) []Value {
	b.vector("ld", t, n)
	space, from := b.place("ld", addr, offset)
	ds := make([]Value, n)
	for i := range ds {
		ds[i] = b.new(t)
	}
	b.emit(fmt.Sprintf("ld.%s.v%d.%v", space, n, t), braces(ds), from)
	return ds
}

func (b *Builder) vector(op string, t Type, n int) {
	if n != 2 && n != 4 || n*t.Size() > 16 || !notPred(t) {
		b.fail(op, "no vectors of %d %v", n, t)
	}
}

func braces(vs []Value) string {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = v.String()
	}
	return "{" + strings.Join(s, ", ") + "}"
}

// Store writes one element, or a vector of 2, or of 4 of 4 bytes, offset bytes after addr: in global memory if
// addr is a U64, in shared memory if it is a U32.
func (b *Builder) Store(addr Value, offset int, xs ...Value) {
	if len(xs) == 0 {
		b.fail("st", "nothing to store")
		return
	}
	ps := make([]*Value, len(xs))
	for i := range xs {
		ps[i] = &xs[i]
	}
	t := b.unify("st", notPred, ps...)
	space, to := b.place("st", addr, offset)
	if len(xs) == 1 {
		b.emit("st."+space+"."+t.String(), to, xs[0])
		return
	}
	b.vector("st", t, len(xs))
	b.emit(fmt.Sprintf("st.%s.v%d.%v", space, len(xs), t), to, braces(xs))
}

// Load16 reads 2 bytes, the lower half of a U32 whose upper half is 0.
func (b *Builder) Load16(addr Value, offset int) Value {
	space, from := b.place("ld", addr, offset)
	d := b.new(U32)
	b.emit("ld."+space+".u16", d, from)
	return d
}

// Store16 writes the lower 2 bytes of a U32.
func (b *Builder) Store16(addr Value, offset int, x Value) {
	b.unify("st", only(U32), &x)
	space, to := b.place("st", addr, offset)
	b.emit("st."+space+".u16", to, x)
}

// AtomicMin makes an integer in global memory the smaller of itself and x, in one step that no other thread can
// divide. The result does not depend on the order of threads; sums of floats would, so there are none.
func (b *Builder) AtomicMin(addr Value, offset int, x Value) {
	t := b.unify("red", Type.IsInt, &x)
	space, to := b.place("red", addr, offset)
	if space != "global" {
		b.fail("red", "shared memory")
	}
	b.emit("red.global.min."+t.String(), to, x)
}
