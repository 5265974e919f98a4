package drivertest

import (
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// Ranks checks GPUs that add up numbers among themselves: open gives that of each rank.
func Ranks(t *testing.T, size int, open func(rank int) (driver.GPU, error)) {
	const n = 40_000
	results := make([][]float32, size)
	gpus := make([]driver.GPU, size)
	for rank := range gpus {
		var err error
		if gpus[rank], err = open(rank); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := gpus[0].Collectives(); err != nil {
		t.Fatal(err)
	}
	id, err := gpus[0].NewCollective()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for rank, gpu := range gpus {
		all.Go(func() {
			r := &rig{T: t, gpu: gpu}
			defer func() {
				for i := range r.later {
					r.later[len(r.later)-1-i]()
				}
				if err := gpu.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			c, err := gpu.Join(id, rank, size)
			if err != nil {
				t.Errorf("rank %d: %v", rank, err)
				return
			}
			r.finally(c.Close)
			r.stream = r.newStream()
			results[rank] = sums(r, c, rank, n)
			if err := c.Failed(); err != nil {
				t.Errorf("rank %d: %v", rank, err)
			}
			if g, err := r.stream.Capture(func() error { return c.Sum(r.stream, 0, 0, n) }); err == nil {
				r.finally(g.Close)
				t.Errorf("rank %d: a sum is captured", rank)
			}
		})
	}
	all.Wait()
	for rank, got := range results {
		for i, x := range got {
			want := float32(0)
			if i >= 10 { // what is not cleared between the sums: each sum has the terms of all ranks
				want = float32(size * (size*(size+1)/2 + size*(i%100)))
			}
			if x != want {
				t.Fatalf("rank %d: element %d is %v, want %v", rank, i, x, want)
			}
		}
	}
}

// sums puts two sums into the stream, one apart and one in place, with other work before, between and behind them.
func sums(r *rig, c driver.Collective, rank, n int) []float32 {
	bytes := int64(4 * n)
	x, y, z := r.alloc(bytes), r.alloc(bytes), r.alloc(bytes)
	host, b := pinned[float32](r, n)
	for i := range host {
		host[i] = float32(rank + 1 + i%100)
	}
	r.must(r.stream.Clear(y, bytes))
	r.must(r.stream.Upload(x, b))
	r.must(c.Sum(r.stream, y, x, n))
	r.must(r.stream.Copy(z, y, bytes))
	r.must(r.stream.Clear(z, 40))
	r.must(c.Sum(r.stream, z, z, n))
	return download[float32](r, z, n)
}
