package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/work"
)

// costs runs each instruction of a tape by itself and lists how long it takes, in all steps of the loops that
// it is in. What an instruction finds in the caches, and what the device arranges for several at once, is lost,
// so that the sum is not quite the time of the tape.
func costs(out io.Writer, t *tape.Tape, threads int) error {
	total := time.Duration(0)
	var walk func(code []tape.Instr, trips []int, indent string) error
	walk = func(code []tape.Instr, trips []int, indent string) error {
		for _, in := range code {
			if l, ok := in.(*tape.Loop); ok {
				fmt.Fprintf(out, "%26s%s%v\n", "", indent, l)
				if err := walk(l.Body, append(slices.Clip(trips), l.Trip), indent+"  "); err != nil {
					return err
				}
				continue
			}
			d, err := cost(t, in, trips, threads)
			if err != nil {
				return err
			}
			total += d
			fmt.Fprintf(out, "%9.3f ms %14s%s%v\n", d.Seconds()*1e3, rate(t, in, trips, d), indent, in)
		}
		return nil
	}
	err := walk(t.Code, nil, "  ")
	fmt.Fprintf(out, "%9.3f ms in all\n", total.Seconds()*1e3)
	return err
}

// cost is the shortest of a few times of an instruction within loops of the given trips; of one thread it is
// the processor's time, if that is known, which other processes do not lengthen as much.
func cost(t *tape.Tape, in tape.Instr, trips []int, threads int) (time.Duration, error) {
	alone, rows := isolate(t, in, trips)
	p, err := deviceOf(threads).Load(alone)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	for s := range alone.Slots { // memory that nobody has written is all one page, always in the cache
		n := alone.Slots[s].Shape[0]
		var data any
		if alone.Dtype(tape.SlotID(s)) == tape.Int32 {
			x := make([]int32, n)
			for i := range x {
				x[i] = int32(i % rows)
			}
			data = x
		} else {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i%61+1) / 64
			}
			data = x
		}
		if err := p.Write(tape.SlotID(s), data); err != nil {
			return 0, err
		}
	}
	best := time.Duration(1<<63 - 1)
	for k, start := 0, time.Now(); k < 5 || k < 50 && time.Since(start) < 20*time.Millisecond; k++ {
		at, used := time.Now(), processorTime()
		if err := p.Run(); err != nil {
			return 0, err
		}
		d := time.Since(at)
		if used > 0 && threads == 1 {
			d = min(d, processorTime()-used)
		}
		best = min(best, d)
	}
	return best, nil
}

// isolate is a tape of one instruction within loops, with nothing in the arena but what it reads and writes.
// Indices that it selects rows by must be below rows.
func isolate(t *tape.Tape, in tape.Instr, trips []int) (alone *tape.Tape, rows int) {
	alone = &tape.Tape{Float: t.Float, Buffers: slices.Clone(t.Buffers), Code: []tape.Instr{in}}
	for i := range alone.Buffers {
		alone.Buffers[i].Len, alone.Buffers[i].Offset = 0, 0
	}
	in.Refs(func(r tape.Ref, _ bool) {
		b := &alone.Buffers[r.Buf]
		if b.Len > 0 || t.Buffers[r.Buf].Len == 0 {
			return
		}
		b.Len, b.Offset = t.Buffers[r.Buf].Len, alone.Arena
		alone.Arena += (int64(b.Len*b.Dtype.Size()) + tape.Align - 1) / tape.Align * tape.Align
		alone.Slots = append(alone.Slots, tape.Slot{Name: fmt.Sprint("b", r.Buf), Kind: tape.State, Shape: []int{b.Len},
			Buf: r.Buf})
	})
	for _, n := range slices.Backward(trips) {
		alone.Code = []tape.Instr{&tape.Loop{Trip: n, Body: alone.Code}}
	}
	switch in := in.(type) {
	case *tape.Gather:
		return alone, in.Rows
	case *tape.ScatterAdd:
		return alone, in.Rows
	case *tape.Put:
		return alone, in.Rows
	case *tape.Rows:
		return alone, in.Cols
	}
	return alone, 1
}

// rate says how fast an instruction was: products by their arithmetic, others by the memory that they read and
// write. It says nothing of times that the clock does not resolve.
func rate(t *tape.Tape, in tape.Instr, trips []int, d time.Duration) string {
	if d < 2*time.Microsecond {
		return ""
	}
	times := 1.0
	for _, n := range trips {
		times *= float64(n)
	}
	w := work.Of(t, in)
	switch in.(type) {
	case *tape.Product:
		return fmt.Sprintf("%.0f GFLOP/s", times*w.FLOP/float64(d.Nanoseconds()))
	case *tape.Map, *tape.Copy, *tape.Reduce, *tape.Rows:
		return fmt.Sprintf("%.1f GB/s", times*w.Bytes/float64(d.Nanoseconds()))
	}
	return ""
}
