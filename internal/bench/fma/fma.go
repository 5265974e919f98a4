// Package fma measures the most arithmetic that this machine's processor does: fused multiply-adds of float32
// that wait for nothing. It is the ceiling of any matrix product, and knows nothing of what is measured against
// it.
package fma

import (
	"sync"
	"time"
)

// Peak is the rate in GFLOP/s, two for each multiply-add, of the given number of threads on an instruction path
// of package graph/cpu, measured for about d. It is 0 where there is no measuring kernel for the path.
func Peak(path string, threads int, d time.Duration) float64 {
	kernel, flop := kernelOf(path)
	if kernel == nil {
		return 0
	}
	const rounds = 1 << 16
	var group sync.WaitGroup
	rates := make([]float64, threads)
	for i := range rates {
		group.Go(func() {
			best := time.Duration(1<<63 - 1)
			for start := time.Now(); time.Since(start) < d; {
				t := time.Now()
				kernel(rounds)
				best = min(best, time.Since(t))
			}
			rates[i] = rounds * flop / float64(best.Nanoseconds())
		})
	}
	group.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return sum
}
