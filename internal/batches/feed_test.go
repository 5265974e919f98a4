package batches

import (
	"runtime"
	"testing"
	"time"

	"github.com/pkg/errors"
)

// From any step on, a feed gives what an uninterrupted one gives from there on.
func TestFeedGoesOn(t *testing.T) {
	fill := func(step int) (int, error) { return step * step, nil }
	for _, from := range []int{0, 1, 7} {
		f := NewFeed(from, fill)
		for step := from; step < from+5; step++ {
			if got, err := f.Next(); got != step*step || err != nil {
				t.Errorf("from %d on: step %d gives %d, %v", from, step, got, err)
			}
		}
		f.Close()
	}
}

// Close ends the goroutine, whatever it is doing, and an error is the last thing that comes.
func TestFeedCloses(t *testing.T) {
	before := runtime.NumGoroutine()
	for read := range 5 {
		f := NewFeed(0, func(int) (int, error) { return 0, nil })
		for range read {
			if _, err := f.Next(); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		f.Close()
		if _, err := f.Next(); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
	}
	broken := errors.New("broken")
	calls := 0
	f := NewFeed(0, func(int) (int, error) {
		if calls++; calls == 2 {
			return 0, broken
		}
		return 0, nil
	})
	for _, want := range []error{nil, broken, ErrClosed} {
		if _, err := f.Next(); err != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f.Close()
	// a goroutine that has closed its channel is still about to end
	for wait := 0; runtime.NumGoroutine() > before; wait++ {
		if wait == 100 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

// While a batch is in use the next ones are made, but no more than wait for their turn.
func TestFeedIsAhead(t *testing.T) {
	made := make(chan int, 20)
	f := NewFeed(1, func(step int) (int, error) {
		made <- step
		return step, nil
	})
	defer f.Close()
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
