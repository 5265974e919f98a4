package sim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// Each fault with a kernel that has it, and where it is found. The kernels have the parameters p, 64 floats,
// and q, 64 floats that nobody has written; they run in 2 blocks of 64 threads.
func TestFaults(t *testing.T) {
	type values struct{ tid, p, q, mine ptx.Value } // mine is the address of element tid of p
	for _, c := range []struct {
		name  string
		kind  sim.FaultKind
		write func(b *ptx.Builder, v values)
		want  []string // parts of the message
	}{
		{"read beyond the end", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Load(ptx.F32, v.mine, 4) },
			[]string{"kernel kernel, block (0,0,0), thread (63,0,0)", "`ld.global.f32 %f1, [%rd5+4];`", "4 bytes at 0x7f", "0 bytes after the end of the 256 bytes at 0x7f"}},
		{"write before the beginning", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Store(v.mine, -8, ptx.F32.Num(1)) },
			[]string{"thread (0,0,0)", "st.global.f32 [%rd5+-8], 0f3F800000;", "bytes before the 256 bytes"}},
		{"half beyond the end", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Load(ptx.F64, v.p, 256) }, []string{"8 bytes at"}},
		{"no address", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Load(ptx.F32, b.Var(ptx.U64.Int(0)), 0) }, []string{"4 bytes at 0x0"}},
		{"an address cut to 32 bits", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Load(ptx.F32, b.Convert(ptx.U64, b.Convert(ptx.U32, v.p)), 0) }, nil},
		{"atomic beyond the end", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.AtomicMin(v.mine, 4, ptx.U32.Int(0)) }, []string{"red.global.min.u32"}},
		{"misaligned", sim.Misaligned, func(b *ptx.Builder, v values) { b.Load(ptx.F32, v.p, 2) }, []string{"byte 2 of the 256 bytes", "no multiple of 4"}},
		{"misaligned vector", sim.Misaligned, func(b *ptx.Builder, v values) { b.LoadVector(ptx.F32, 4, v.p, 8) }, []string{"16 bytes at", "no multiple of 16"}},
		{"memory never written", sim.Uninitialised, func(b *ptx.Builder, v values) { b.Load(ptx.F32, v.q, 8) }, []string{"nobody has written there"}},
		{"a register set on one way only", sim.Uninitialised, func(b *ptx.Builder, v values) {
			var x ptx.Value
			b.If(b.Lt(v.tid, ptx.Int(40)), func() { x = b.Add(v.tid, ptx.Int(1)) })
			b.Add(x, ptx.Int(1))
		}, []string{"thread (40,0,0)", "the register %r"}},
		{"a condition set on one way only", sim.Uninitialised, func(b *ptx.Builder, v values) {
			var x ptx.Value
			b.If(b.Lt(v.tid, ptx.Int(3)), func() { x = b.Lt(v.tid, ptx.Int(1)) })
			b.If(x, b.Return)
		}, []string{"thread (3,0,0)", "the register %p2"}},

		{"shared memory beyond the end", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Store(b.At(b.Shared(ptx.F32, 62), v.tid, 4), 0, v.tid) },
			[]string{"thread (62,0,0)", "4 bytes at byte 248 of shared0, which has 248"}},
		{"from one array of shared memory into the next", sim.OutOfBounds, func(b *ptx.Builder, v values) {
			x := b.Shared(ptx.F32, 64)
			b.Shared(ptx.F32, 64)
			b.Store(b.At(x, v.tid, 4), 4, v.tid)
		}, []string{"byte 256 of shared0, which has 256"}},
		{"more shared memory than the launch gave", sim.OutOfBounds, func(b *ptx.Builder, v values) { b.Store(b.At(b.DynamicShared(), v.tid, 4), 0, v.tid) },
			[]string{"byte 0 of the shared memory of the launch, which has 0"}},
		{"shared memory misaligned", sim.Misaligned, func(b *ptx.Builder, v values) { b.Load(ptx.F64, b.Shared(ptx.F64, 2), 4) }, []string{"byte 4 of shared0"}},
		{"shared memory never written", sim.Uninitialised, func(b *ptx.Builder, v values) { b.Load(ptx.F32, b.Shared(ptx.F32, 64), 12) }, []string{"byte 12 of shared0"}},
		{"shared memory of the block before", sim.Uninitialised, func(b *ptx.Builder, v values) {
			s := b.Shared(ptx.F32, 1)
			first := b.And(b.Eq(v.tid, ptx.Int(0)), b.Eq(b.Special(ptx.CtaidX), ptx.Int(0)))
			b.If(first, func() { b.Store(s, 0, ptx.F32.Num(1)) })
			b.Barrier()
			b.Load(ptx.F32, s, 0)
		}, []string{"block (1,0,0)"}},
		{"read after write without a barrier", sim.Race, func(b *ptx.Builder, v values) {
			s := b.Shared(ptx.U32, 64)
			b.Store(b.At(s, v.tid, 4), 0, v.tid)
			b.If(b.Eq(v.tid, ptx.Int(40)), func() { b.Load(ptx.U32, s, 0) })
		}, []string{"thread (40,0,0)", "read here and was written by thread (0,0,0), with no barrier between: byte 0 of shared0"}},
		{"write after read without a barrier", sim.Race, func(b *ptx.Builder, v values) {
			s := b.Shared(ptx.U32, 64)
			mine := b.At(s, v.tid, 4)
			b.Store(mine, 0, v.tid)
			b.Barrier()
			b.Load(ptx.U32, s, 16)
			b.Store(mine, 0, v.tid)
		}, []string{"written here and was touched by", "byte 16 of shared0"}},
		{"two writes", sim.Race, func(b *ptx.Builder, v values) { b.Store(b.Shared(ptx.U32, 1), 0, v.tid) }, []string{"thread (1,0,0)", "touched by thread (0,0,0)"}},
		{"a race within a warp", sim.Race, func(b *ptx.Builder, v values) {
			s := b.Shared(ptx.U32, 64)
			b.Store(b.At(s, v.tid, 4), 0, v.tid)
			b.Load(ptx.U32, b.At(s, b.Xor(v.tid, ptx.Int(1)), 4), 0)
		}, nil},
		{"a race in global memory", sim.Race, func(b *ptx.Builder, v values) {
			b.Store(v.mine, 0, v.tid)
			b.If(b.Eq(v.tid, ptx.Int(0)), func() { b.Load(ptx.U32, v.p, 4) })
		}, nil},
		{"a race of two blocks", sim.Race, func(b *ptx.Builder, v values) { b.Store(v.mine, 0, v.tid); b.Barrier() },
			[]string{"block (1,0,0), thread (0,0,0)", "touched by thread (0,0,0) of block (0,0,0)"}},
		{"a block writes what another reads", sim.Race, func(b *ptx.Builder, v values) {
			b.IfElse(b.Eq(b.Special(ptx.CtaidX), ptx.Int(0)), func() { b.Load(ptx.F32, v.mine, 0) },
				func() { b.Store(b.At(v.p, b.Xor(v.tid, ptx.Int(1)), 4), 0, ptx.F32.Num(1)) })
		}, []string{"block (1,0,0)", "of block (0,0,0)"}},

		{"a barrier for some threads", sim.Divergence, func(b *ptx.Builder, v values) { b.If(b.Lt(v.tid, ptx.Int(50)), b.Barrier) }, []string{"thread (50,0,0)", "not at the barrier"}},
		{"a barrier for one warp", sim.Divergence, func(b *ptx.Builder, v values) { b.If(b.Lt(v.tid, ptx.Int(32)), b.Barrier) },
			[]string{"thread (0,0,0)", "thread (32,0,0) has returned"}},
		{"two barriers", sim.Divergence, func(b *ptx.Builder, v values) { b.IfElse(b.Lt(v.tid, ptx.Int(32)), b.Barrier, b.Barrier) }, []string{"at this barrier", "at the one of line"}},
		{"a barrier after threads returned", sim.Divergence, func(b *ptx.Builder, v values) {
			b.If(b.Eq(v.tid, ptx.Int(7)), b.Return)
			b.Barrier()
		}, []string{"thread (7,0,0)"}},
		{"a barrier in a loop of different lengths", sim.Divergence, func(b *ptx.Builder, v values) { b.For(ptx.Int(0), v.tid, ptx.Int(1), func(ptx.Value) { b.Barrier() }) }, nil},
		{"a shuffle for some threads", sim.Divergence, func(b *ptx.Builder, v values) {
			b.If(b.Lt(v.tid, ptx.Int(16)), func() { b.ShuffleXor(v.tid, 1) })
		}, []string{"only 16 of 32 threads"}},
		{"division by zero", sim.DivideByZero, func(b *ptx.Builder, v values) { b.Div(ptx.Int(5), v.tid) }, []string{"thread (0,0,0)", "5 by 0"}},
		{"remainder of a division by zero", sim.DivideByZero, func(b *ptx.Builder, v values) {
			b.Rem(b.Convert(ptx.S64, v.tid), b.Convert(ptx.S64, b.Sub(v.tid, ptx.Int(9))))
		},
			[]string{"thread (9,0,0)", "9 by 0"}},
		{"no end", sim.Hang, func(b *ptx.Builder, v values) {
			b.While(func() ptx.Value { return b.Ge(v.tid, ptx.Int(0)) }, func() {})
		}, []string{"more than 1000 instructions"}},
		{"no end for one thread", sim.Hang, func(b *ptx.Builder, v values) {
			b.While(func() ptx.Value { return b.Eq(v.tid, ptx.Int(5)) }, func() {})
		}, []string{"thread (5,0,0)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := kernel(t, func(b *ptx.Builder) {
				v := values{p: b.Pointer("p"), q: b.Pointer("q")}
				v.tid = b.Special(ptx.TidX)
				v.mine = b.At(v.p, v.tid, 4)
				c.write(b, v)
			})
			m := memory()
			p := upload(t, m, make([]float32, 64))
			q, err := m.Alloc(256)
			if err != nil {
				t.Fatal(err)
			}
			l := &sim.Launch{Grid: line(2), Block: line(64), Args: []uint64{p, q}, Memory: m, Budget: 1000,
				Races: strings.Contains(string(c.kind), "race")}
			_, err = f.Launch(l)
			var fault *sim.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("the error is %v", err)
			}
			if fault.Kind != c.kind {
				t.Errorf("%v\nis no %s", fault, c.kind)
			}
			for _, part := range c.want {
				if !strings.Contains(fault.Error(), part) {
					t.Errorf("%v\ndoes not say %q", fault, part)
				}
			}
		})
	}
}

// What looks like a fault and is none.
func TestNoFaults(t *testing.T) {
	for name, write := range map[string]func(b *ptx.Builder, tid, p ptx.Value){
		"a word is used again after a barrier": func(b *ptx.Builder, tid, p ptx.Value) {
			s := b.Shared(ptx.U32, 64)
			for k := range 3 {
				b.Store(b.At(s, b.Xor(tid, ptx.Int(k)), 4), 0, tid)
				b.Barrier()
				b.Load(ptx.U32, b.At(s, b.Xor(tid, ptx.Int(5)), 4), 0)
				b.Barrier()
			}
		},
		"a thread reads its own": func(b *ptx.Builder, tid, p ptx.Value) {
			mine := b.At(b.Shared(ptx.U32, 64), tid, 4)
			b.Store(mine, 0, tid)
			b.Store(mine, 0, b.Load(ptx.U32, mine, 0))
		},
		"all read the same": func(b *ptx.Builder, tid, p ptx.Value) { b.Load(ptx.U32, p, 4) },
		"all take the minimum": func(b *ptx.Builder, tid, p ptx.Value) {
			b.AtomicMin(p, 0, tid)
		},
		"a global word is used again after a barrier": func(b *ptx.Builder, tid, p ptx.Value) {
			b.If(b.Eq(b.Special(ptx.CtaidX), ptx.Int(0)), func() {
				b.Store(b.At(p, tid, 4), 0, tid)
				b.Barrier()
				b.Load(ptx.U32, b.At(p, b.Xor(tid, ptx.Int(33)), 4), 0)
			})
		},
		"a division where it is not taken": func(b *ptx.Builder, tid, p ptx.Value) {
			b.If(b.Ne(tid, ptx.Int(0)), func() { b.Div(ptx.Int(5), tid) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := kernel(t, func(b *ptx.Builder) { p := b.Pointer("p"); write(b, b.Special(ptx.TidX), p) })
			m := memory()
			if _, err := f.Launch(&sim.Launch{Grid: line(3), Block: line(64), Args: []uint64{upload(t, m, make([]uint32, 64))},
				Memory: m, Races: true}); err != nil {
				t.Error(err)
			}
		})
	}
}
