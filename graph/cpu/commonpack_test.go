package cpu

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// What programs have in common is packed once for all of them, and only as long as one of them needs it.
func TestCommonPacks(t *testing.T) {
	d := New(Threads(1)).(tape.Sharer).Share(map[string]bool{"w": true})
	f := d.(*device).family
	first, second := mustLoad(t, d, user()), mustLoad(t, d, user())
	var packed *store[float32]
	for _, s := range f.packs {
		packed = s.store.(*store[float32])
		if len(f.packs) != 1 || s.users != 2 {
			t.Fatalf("%d packed operands, of which one has %d users: want one that two use", len(f.packs), s.users)
		}
	}
	write := func(p tape.Program, s tape.SlotID, x float32) {
		t.Helper()
		if err := p.Write(s, slices.Repeat([]float32{x}, side*side)); err != nil {
			t.Fatal(err)
		}
	}
	product := func(p tape.Program) float32 {
		t.Helper()
		y := make([]float32, side*side)
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		if err := p.Read(2, y); err != nil {
			t.Fatal(err)
		}
		return y[0]
	}
	write(first, 0, 3)
	write(first, 1, 1)
	write(second, 1, 1)
	if y := product(first); y != 3*side {
		t.Fatalf("the product is %v, want %v", y, 3*side)
	}
	*packed.memory++ // which is seen by who does not pack again
	if y := product(second); y != 3*side+1 {
		t.Errorf("the product of the second program is %v: it has packed what the first had packed", y)
	}
	write(second, 0, 5)
	if a, b := product(first), product(second); a != 5*side || b != 5*side {
		t.Errorf("the products are %v and %v after a write, want %v", a, b, 5*side)
	}
	for left, p := range []tape.Program{first, second} {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(f.packs); n != 1-left {
			t.Errorf("%d packed operands after %d programs are closed", n, left+1)
		}
	}
}
