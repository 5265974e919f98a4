package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// NewBundle puts a few Maps of different kinds into one launch, each of them computed by some of the blocks.
// They must not depend on each other. The kernel has the parameters of all of them, one after the other.
func NewBundle(maps []Mapped) Launch {
	var specs []mapSpec
	threads := 0
	for _, m := range maps {
		specs = append(specs, m.spec)
		threads = max(threads, m.Threads)
	}
	blocks := 0
	for _, m := range maps {
		blocks += (m.Items + threads - 1) / threads
	}
	return Launch{
		Kernel:  newKernel("bundle", specs, threads, func(b *ptx.Builder) { writeBundle(b, specs, threads) }),
		Blocks:  [2]int{blocks, 1},
		Threads: threads,
	}
}

func writeBundle(b *ptx.Builder, specs []mapSpec, threads int) {
	var in, out [][]ptx.Value
	var items []ptx.Value
	for k, s := range specs {
		i, o, n := s.params(b, fmt.Sprintf("m%d_", k))
		in, out, items = append(in, i), append(out, o), append(items, n)
	}
	tid := b.Convert(ptx.U64, b.Special(ptx.TidX))
	var write func(k int, block ptx.Value)
	write = func(k int, block ptx.Value) { // block counts from the first that is left for Maps k and later
		s := specs[k]
		compute := func() {
			i := b.MadWide(block, ptx.Int(threads), tid)
			if !s.wide {
				i = b.Convert(ptx.U32, i)
			}
			s.writeItem(b, i, items[k], in[k], out[k])
		}
		if k == len(specs)-1 {
			compute()
			return
		}
		blocks := b.Convert(ptx.U32, b.Div(b.Add(items[k], ptx.Int(threads-1)), ptx.U64.Int(threads)))
		b.IfElse(b.Lt(block, blocks), compute, func() { write(k+1, b.Sub(block, blocks)) })
	}
	write(0, b.Special(ptx.CtaidX))
}
