package batches

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

func feed(t *testing.T, p *Plan, from Position, fill func(Group) (Group, error)) *Feed[Group] {
	t.Helper()
	f, err := NewFeed(p, 3, from, fill)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func same(g Group) (Group, error) { return g, nil }

// From any position on, a feed gives what an uninterrupted one gives from there on.
func TestFeedGoesOn(t *testing.T) {
	var lengths []Shape
	for i := range 23 {
		lengths = append(lengths, Shape{i%7 + 1, i%5 + 1})
	}
	p := planOf(t, Config{Batch: 4, Buckets: 3}, lengths)
	type drawn struct {
		Group
		Next Position
	}
	draw := func(from Position, n int) (all []drawn) {
		f := feed(t, p, from, same)
		defer f.Close()
		for range n {
			g, next, err := f.Next()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, drawn{g, next})
		}
		return all
	}
	n := 3 * p.Len()
	all := draw(Position{}, n)
	if last := all[n-1].Next; last != (Position{Epoch: 3}) {
		t.Errorf("three epochs end at %+v", last)
	}
	for i := range n - 1 {
		if diff := cmp.Diff(all[i+1:], draw(all[i].Next, n-1-i)); diff != "" {
			t.Fatalf("from %+v: %s", all[i].Next, diff)
		}
	}
	if diff := cmp.Diff(all[p.Len():n-1], draw(Position{0, p.Len()}, n-1-p.Len())); diff != "" {
		t.Error(diff)
	}
	for _, from := range []Position{{0, p.Len() + 1}, {-1, 0}, {0, -1}} {
		if _, err := NewFeed(p, 3, from, same); err == nil {
			t.Errorf("began at %+v of %d", from, p.Len())
		}
	}
}

// Close ends the goroutine, whatever it is doing, and an error is the last thing that comes.
func TestFeedCloses(t *testing.T) {
	p := planOf(t, Config{Batch: 1}, []Shape{{1, 1}, {1, 1}, {1, 1}})
	before := runtime.NumGoroutine()
	for read := range 5 {
		f := feed(t, p, Position{}, same)
		for range read {
			if _, _, err := f.Next(); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		f.Close()
		if _, _, err := f.Next(); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
	}
	broken := errors.New("broken")
	calls := 0
	f := feed(t, p, Position{}, func(g Group) (Group, error) {
		if calls++; calls == 2 {
			return g, broken
		}
		return g, nil
	})
	for _, want := range []error{nil, broken, ErrClosed} {
		if _, _, err := f.Next(); err != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f.Close()
	for wait := 0; runtime.NumGoroutine() > before; wait++ { // a goroutine that has closed its channel is still about to end
		if wait == 100 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

// While a batch is in use the next ones are made, but no more than wait for their turn.
func TestFeedIsAhead(t *testing.T) {
	p := planOf(t, Config{Batch: 1}, make([]Shape, 20))
	made := make(chan int, 20)
	n := 0
	f := feed(t, p, Position{}, func(g Group) (Group, error) {
		n++
		made <- n
		return g, nil
	})
	for want := 1; want <= ahead+1; want++ {
		select {
		case <-made:
		case <-time.After(10 * time.Second):
			t.Fatalf("batch %d is not made before it is asked for", want)
		}
	}
	select {
	case n := <-made:
		t.Errorf("batch %d is made though none was taken", n)
	case <-time.After(20 * time.Millisecond):
	}
	f.Next()
	select {
	case <-made:
	case <-time.After(10 * time.Second):
		t.Error("no batch is made for the one that was taken")
	}
}
