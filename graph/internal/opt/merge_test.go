package opt

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// chain is a function of n loops of which each needs the one before, and another beside each, as the derivative
// of deep models has them.
func chain(t *testing.T, n int) *ir.Func {
	return build(t, func(b *ir.Builder, f *ir.Func) {
		loop := func(x *ir.Value) *ir.Value {
			l := newLoop(b, "", 4)
			l.next = []*ir.Value{b.Elem(tape.Tanh, l.carry(x))}
			return l.build()[0]
		}
		x := f.AddParam(f64(2), "x")
		for range n {
			y := loop(x)
			f.Results = append(f.Results, loop(x))
			x = y
		}
		f.Results = append(f.Results, x)
	})
}

func countLoops(f *ir.Func) (n int) {
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			n++
		}
	}
	return n
}

// In a chain each loop is merged with the one beside it, and the time for it does not grow much faster than the
// chain: with the cube of its length, this would take minutes.
func TestMergeOfAChain(t *testing.T) {
	const n = 2000
	begin := time.Now()
	f := chain(t, n)
	g, err := merge(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := countLoops(g); got != n {
		t.Errorf("%d loops, want %d", got, n)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("%d loops take %v", 2*n, took)
	}
}

// Sets of bits are what sets of numbers are.
func TestBitset(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() (bitset, map[int]bool) {
		var s bitset
		all := map[int]bool{}
		for range random.IntN(8) {
			i := random.IntN(200)
			s.add(i)
			all[i] = true
		}
		return s, all
	}
	for range 2000 {
		s, as := draw()
		u, au := draw()
		both, rest, end := union(s, u), s.without(u), random.IntN(220)
		first, last, meet := -1, -1, false
		for i := range 220 {
			if s.has(i) != as[i] || both.has(i) != (as[i] || au[i]) || rest.has(i) != (as[i] && !au[i]) {
				t.Fatalf("%v and %v: %v, %v", as, au, both, rest)
			}
			if as[i] && first < 0 {
				first = i
			}
			if as[i] && i < end {
				last = i
			}
			meet = meet || as[i] && au[i]
		}
		if s.first() != first || s.last(end) != last || s.meets(u) != meet || (len(rest) == 0) != (rest.first() < 0) {
			t.Fatalf("%v: first %d, last below %d %d, meets %v %v", as, s.first(), end, s.last(end), au, s.meets(u))
		}
		if first >= 0 {
			s.remove(first)
			if s.has(first) {
				t.Fatalf("%d is still in %v", first, s)
			}
		}
	}
}
