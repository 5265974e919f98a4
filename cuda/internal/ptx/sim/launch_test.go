package sim_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// Threads that part at nested branches and loops of different lengths each take their own way, and meet again
// for the shuffle.
func TestDivergence(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) {
		p := b.Pointer("p")
		tid := b.Special(ptx.TidX)
		x := b.Var(tid)
		add := func(k int) { b.Set(x, b.Add(b.Mul(x, ptx.Int(3)), ptx.Int(k))) }
		b.For(ptx.Int(0), b.Rem(tid, ptx.Int(7)), ptx.Int(1), func(i ptx.Value) {
			b.IfElse(b.Eq(b.And(b.Add(i, tid), ptx.Int(1)), ptx.Int(0)), func() {
				add(1)
				b.If(b.Gt(tid, ptx.Int(20)), func() { add(2) })
			}, func() {
				n := b.Var(ptx.U32.Int(0))
				b.While(func() ptx.Value { return b.Lt(n, b.And(tid, ptx.Int(3))) }, func() {
					add(5)
					b.Set(n, b.Add(n, ptx.Int(1)))
				})
			})
		})
		b.Store(b.At(p, tid, 8), 0, b.ShuffleXor(x, 1), b.ShuffleDown(x, 4))
	})
	formula := func(tid uint32) uint32 {
		x := tid
		for i := range tid % 7 {
			if (i+tid)&1 == 0 {
				x = 3*x + 1
				if tid > 20 {
					x = 3*x + 2
				}
				continue
			}
			for range tid & 3 {
				x = 3*x + 5
			}
		}
		return x
	}
	m := memory()
	const n = 96
	p := upload(t, m, make([]uint32, 2*n))
	if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(n), Args: []uint64{p}, Memory: m}); err != nil {
		t.Fatal(err)
	}
	for i, got := range download[[2]uint32](t, m, p, n) {
		tid := uint32(i)
		down := tid
		if tid%32 < 28 {
			down = tid + 4
		}
		if want := [2]uint32{formula(tid ^ 1), formula(down)}; got != want {
			t.Errorf("thread %d has %v, want %v", i, got, want)
		}
	}
}

// A 64-bit value crosses the warp in two halves.
func TestShuffle64(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) {
		p := b.Pointer("p")
		at := b.At(p, b.Special(ptx.LaneID), 8)
		b.Store(at, 0, b.ShuffleDown(b.Load(ptx.F64, at, 0), 1))
	})
	xs := make([]float64, 32)
	for i := range xs {
		xs[i] = math.Sqrt(float64(i))
	}
	m := memory()
	p := upload(t, m, xs)
	if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(32), Args: []uint64{p}, Memory: m}); err != nil {
		t.Fatal(err)
	}
	if got, want := download[float64](t, m, p, 32), append(xs[1:], xs[31]); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Every thread of a grid with three dimensions knows its place.
func TestSpecialRegisters(t *testing.T) {
	specials := []ptx.Special{ptx.TidX, ptx.TidY, ptx.TidZ, ptx.CtaidX, ptx.CtaidY, ptx.CtaidZ, ptx.NtidX, ptx.NtidY,
		ptx.NtidZ, ptx.NctaidX, ptx.NctaidY,
		ptx.NctaidZ, ptx.LaneID}
	f := kernel(t, func(b *ptx.Builder) {
		p := b.Pointer("p")
		v := map[ptx.Special]ptx.Value{}
		for _, s := range specials {
			v[s] = b.Special(s)
		}
		flat := func(x, y, z, nx, ny ptx.Special) ptx.Value { return b.Mad(b.Mad(v[z], v[ny], v[y]), v[nx], v[x]) }
		block := flat(ptx.CtaidX, ptx.CtaidY, ptx.CtaidZ, ptx.NctaidX, ptx.NctaidY)
		thread := flat(ptx.TidX, ptx.TidY, ptx.TidZ, ptx.NtidX, ptx.NtidY)
		threads := b.Mul(b.Mul(v[ptx.NtidX], v[ptx.NtidY]), v[ptx.NtidZ])
		at := b.At(p, b.Mad(block, threads, thread), 4*len(specials))
		for i, s := range specials {
			b.Store(at, 4*i, v[s])
		}
	})
	grid, block := sim.Dim{X: 3, Y: 2, Z: 2}, sim.Dim{X: 5, Y: 4, Z: 3}
	m := memory()
	n := 12 * 60
	p := upload(t, m, make([]uint32, n*len(specials)))
	if _, err := f.Launch(&sim.Launch{Grid: grid, Block: block, Args: []uint64{p}, Memory: m}); err != nil {
		t.Fatal(err)
	}
	for i, got := range download[[13]uint32](t, m, p, n) {
		th, bl := i%60, i/60
		want := [13]uint32{uint32(th % 5), uint32(th / 5 % 4), uint32(th / 20), uint32(bl % 3), uint32(bl / 3 % 2),
			uint32(bl / 6), 5, 4, 3, 3, 2, 2, uint32(th % 32)}
		if got != want {
			t.Fatalf("thread %d of block %d has %v, want %v", th, bl, got, want)
		}
	}
}

// Blocks that run at once give the result, the counts and the fault that they give one after the other.
func TestWorkers(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) {
		n, p := b.Param("n", ptx.S64), b.Pointer("p")
		b.AtomicMin(p, 0, b.Sub(b.Special(ptx.CtaidX), ptx.Int(3)))
		b.GridStride(n, func(i ptx.Value) { b.Store(b.At(p, i, 4), 4, b.Convert(ptx.U32, b.Mul(i, i))) })
	})
	run := func(workers int, words int) ([]uint32, sim.Stats, error) {
		m := memory()
		p := upload(t, m, make([]uint32, words))
		if err := m.Write(p, []byte{0xFF, 0xFF, 0xFF, 0xFF}); err != nil {
			t.Fatal(err)
		}
		s, err := f.Launch(&sim.Launch{Grid: line(16), Block: line(64), Args: []uint64{1000, p}, Memory: m, Workers: workers})
		return download[uint32](t, m, p, words), s, err
	}
	one, stats, err := run(1, 1001)
	if err != nil {
		t.Fatal(err)
	}
	if one[0] != 0 || one[1000] != 999*999 || stats.Instructions < 16*64*10 || stats.Warps*32 < stats.Instructions ||
		stats.Warps*31 > stats.Instructions {
		t.Errorf("minimum %d, last %d, %+v", one[0], one[1000], stats)
	}
	_, _, fault := run(1, 401)
	if fault == nil || !strings.Contains(fault.Error(), "block (6,0,0), thread (16,0,0)") { // 400 = 6·64 + 16
		t.Errorf("the fault is %v", fault)
	}
	for range 5 {
		if many, s, err := run(4, 1001); err != nil || !slices.Equal(one, many) || s != stats {
			t.Errorf("4 workers: %v, the same numbers: %v, %+v", err, slices.Equal(one, many), s)
		}
		if _, _, err := run(4, 401); err == nil || err.Error() != fault.Error() {
			t.Errorf("4 workers: %v", err)
		}
	}
}

func TestLaunchRefused(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) { b.MaxThreads(128); b.Param("n", ptx.S64); b.Shared(ptx.F32, 16) })
	good := sim.Launch{Grid: line(1), Block: line(128), Args: []uint64{0}, Memory: memory()}
	for _, c := range []struct {
		change func(l *sim.Launch)
		want   string
	}{
		{func(l *sim.Launch) {}, ""},
		{func(l *sim.Launch) { l.Args = nil }, "0 arguments for 1 parameters"},
		{func(l *sim.Launch) { l.Memory = nil }, "without memory"},
		{func(l *sim.Launch) { l.Grid.Y = 0 }, "a grid of (1,0,1) blocks"},
		{func(l *sim.Launch) { l.Grid.Z = 70000 }, "a grid of (1,1,70000) blocks"},
		{func(l *sim.Launch) { l.Block.X = 0 }, "a block of (0,1,1) threads"},
		{func(l *sim.Launch) { l.Block = sim.Dim{X: 64, Y: 64, Z: 1} }, "a block of (64,64,1) threads"},
		{func(l *sim.Launch) { l.Block.X = 129 }, "the text allows 128"},
		{func(l *sim.Launch) { l.Shared = 48<<10 - 64 }, ""},
		{func(l *sim.Launch) { l.Shared = 48<<10 - 63 }, "49089 bytes of shared memory beside the 64 declared"},
		{func(l *sim.Launch) { l.Shared = -1 }, "-1 bytes of shared memory"},
		{func(l *sim.Launch) { l.Shared = math.MaxInt }, "bytes of shared memory"},
	} {
		l := &sim.Launch{Grid: good.Grid, Block: good.Block, Args: good.Args, Memory: good.Memory}
		c.change(l)
		_, err := f.Launch(l)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// A block of a kernel whose text has no .maxntid may have so many registers that 256 threads are all that fit.
func TestRegisters(t *testing.T) {
	for _, c := range []struct {
		says, threads int
		fits          bool
	}{{0, 256, true}, {0, 257, false}, {1024, 1024, true}, {257, 257, true}} {
		f := kernel(t, func(b *ptx.Builder) {
			if c.says > 0 {
				b.MaxThreads(c.says)
			}
		})
		_, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(c.threads), Memory: memory()})
		if c.fits && err != nil || !c.fits && (err == nil || !strings.Contains(err.Error(), "may want more registers")) {
			t.Errorf(".maxntid %d, a block of %d threads: %v", c.says, c.threads, err)
		}
	}
}

func TestMemory(t *testing.T) {
	m := sim.NewMemory(1000, true)
	a, err := m.Alloc(100)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Alloc(900)
	if err != nil {
		t.Fatal(err)
	}
	if a%256 != 0 || b%256 != 0 || a < 1<<32 || b < a+100+4096 || m.Free() != 0 {
		t.Errorf("addresses %#x and %#x, %d bytes free", a, b, m.Free())
	}
	if _, err := m.Alloc(1); err == nil {
		t.Error("more than there is")
	}
	window, err := m.Window(b, 900)
	if err != nil || window[0] != 0xFF || window[899] != 0xFF {
		t.Errorf("%v: what nobody has written looks like numbers", err)
	}
	if err := m.Write(a, []byte("hello")); err != nil {
		t.Error(err)
	}
	if err := m.Copy(b+895, a, 5); err != nil {
		t.Error(err)
	}
	got := make([]byte, 6)
	if err := m.Read(got[:5], b+895); err != nil || string(got[:5]) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if err := m.Clear(b+894, 3); err != nil {
		t.Error(err)
	}
	if err := m.Read(got, b+894); err != nil || string(got) != "\x00\x00\x00llo" {
		t.Errorf("%q, %v", got, err)
	}
	for what, err := range map[string]error{
		"write beyond": m.Write(b+896, []byte("hello")), "read before": m.Read(got, a-1), "clear nothing": m.Clear(0, 1), "copy beyond": m.Copy(a, b+899, 2),
		"release twice": errors.Join(m.Release(a), m.Release(a)), "release the middle": m.Release(b + 1),
	} {
		if err == nil {
			t.Errorf("%s is no error", what)
		}
	}
	if m.Free() != 100 {
		t.Errorf("%d bytes free", m.Free())
	}
	if err := m.Read(got, a); err == nil {
		t.Error("what was released is read")
	}
}

// Memory that is reserved has a place and a size, and is for nobody.
func TestReserve(t *testing.T) {
	m := sim.NewMemory(1000, true)
	a, err := m.Reserve(600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Reserve(401); err == nil || m.Free() != 400 || a%256 != 0 || a < 1<<32 {
		t.Errorf("more than there is: %v; %d bytes free, address %#x", err, m.Free(), a)
	}
	for what, err := range map[string]error{"read": m.Read(make([]byte, 4), a), "write": m.Write(a+599, make([]byte, 1))} {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("of the 600 bytes at %#x, which are reserved", a)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := m.Release(a); err != nil || m.Free() != 1000 {
		t.Errorf("%v; %d bytes free", err, m.Free())
	}
}
