package sim

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Launch is one run of a kernel.
type Launch struct {
	Grid, Block Dim
	Shared      int      // bytes of shared memory beside what the text declares
	Args        []uint64 // the parameters, 8 bytes each
	Memory      *Memory

	Budget  int64 // the most instructions that a warp may run in a block; 0: 2²⁶
	Workers int   // the most blocks at a time; 0: as many as there are cores
	Races   bool  // look for races in global memory too; one block at a time

	Early bool    // it begins when the launch just before it need not have ended
	After *Launch // that one; nil: it has written nothing

	number  uint32
	atomics sync.Mutex
}

// Stats is what a launch did.
type Stats struct {
	Instructions int64 // of all threads together
	Warps        int64 // instructions of warps
}

const defaultBudget = 1 << 26

// Launch runs the kernel to its end. What goes wrong in it is a *Fault: of the first block that has one.
func (f *Function) Launch(l *Launch) (Stats, error) {
	if err := f.Check(l); err != nil {
		return Stats{}, err
	}
	if f.early {
		l.Memory.follow()
	}
	if l.Races {
		l.Memory.mu.Lock() // the shadows are of this launch
		defer l.Memory.mu.Unlock()
	} else {
		l.Memory.mu.RLock()
		defer l.Memory.mu.RUnlock()
	}
	l.number = atomic.AddUint32(&l.Memory.launch, 1)
	workers := l.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if l.Races {
		workers = 1
		for _, a := range l.Memory.allocs {
			a.shadow = make([]access, (len(a.data)+3)/4)
		}
		defer func() {
			for _, a := range l.Memory.allocs {
				a.shadow = nil
			}
		}()
	}
	if l.Budget == 0 {
		l.Budget = defaultBudget
	}

	blocks := int64(l.Grid.size())
	var next, bad atomic.Int64
	bad.Store(blocks)
	var mu sync.Mutex
	var fault *Fault
	var stats Stats
	work := func() {
		b := f.block(l)
		for {
			number := next.Add(1) - 1
			if number >= bad.Load() {
				break
			}
			if e := b.run(int(number)); e != nil {
				mu.Lock()
				if number < bad.Load() {
					bad.Store(number)
					fault = e
				}
				mu.Unlock()
			}
		}
		mu.Lock()
		stats.Instructions += b.stats.Instructions
		stats.Warps += b.stats.Warps
		mu.Unlock()
	}
	if workers = int(min(int64(workers), blocks)); workers == 1 {
		work()
	} else {
		var wait sync.WaitGroup
		for range workers {
			wait.Go(work)
		}
		wait.Wait()
	}
	if fault != nil {
		return stats, fault
	}
	return stats, nil
}
