package cuda

import (
	"encoding/binary"
	"slices"

	"github.com/unroll-ml/unroll/cuda/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Maps of one kind that do not depend on each other, such as the updates of all parameters, become one launch. Instructions between them
// change places for that, where neither sees it.

// mostInstructions bounds the length of code that is looked at: dependences are found pair by pair.
const mostInstructions = 4000

// group gives the order in which to run the instructions of a tape outside of its loops: instructions of one group, which are Maps with
// equal keys, run together; all others are alone.
func (l *lowering) group(code []tape.Instr) [][]int {
	n := len(code)
	if n > mostInstructions {
		groups := make([][]int, n)
		for i := range groups {
			groups[i] = []int{i}
		}
		return groups
	}
	keys := make([]string, n)
	count := map[string]int{}
	for i, in := range code {
		if m, ok := in.(*tape.Map); ok && volume(m.Shape) > 0 {
			mapped, _ := l.mapped(m)
			keys[i] = mapped.Key()
			count[keys[i]]++
		}
	}
	waits := l.dependences(code) // by instruction: for how many it waits
	done := make([]bool, n)
	var groups [][]int
	emit := func(group []int) {
		groups = append(groups, group)
		for _, i := range group {
			done[i] = true
			for _, j := range waits.later[i] {
				waits.earlier[j]--
			}
		}
	}
	for left := n; left > 0; {
		// What is not of a group runs as soon as it can, in the order of the tape; members of groups wait until nothing else can.
		var ready []int
		alone := -1
		for i := range code {
			if done[i] || waits.earlier[i] > 0 {
				continue
			}
			if keys[i] == "" || count[keys[i]] == 1 {
				alone = i
				break
			}
			ready = append(ready, i)
		}
		if alone >= 0 {
			emit([]int{alone})
			left--
			continue
		}
		group := slices.DeleteFunc(ready, func(i int) bool { return keys[i] != keys[ready[0]] })
		emit(group)
		left -= len(group)
	}
	return groups
}

// dependences says which instructions must not change places.
type dependences struct {
	earlier []int   // by instruction: how many must run before it
	later   [][]int // by instruction: those that must run after it
}

func (l *lowering) dependences(code []tape.Instr) dependences {
	reads, wrote := make([][]extent, len(code)), make([][]extent, len(code))
	for i, in := range code {
		reads[i], wrote[i] = accesses(l.tape, in)
	}
	d := dependences{make([]int, len(code)), make([][]int, len(code))}
	for j := range code {
		for i := range j {
			_, hostI := code[i].(*tape.Host)
			_, hostJ := code[j].(*tape.Host) // which may do more than the tape knows
			if hostI && hostJ || meet(wrote[i], wrote[j]) || meet(wrote[i], reads[j]) || meet(reads[i], wrote[j]) {
				d.earlier[j]++
				d.later[i] = append(d.later[i], j)
			}
		}
	}
	return d
}

// accesses are the extents that an instruction reads and writes, those of a loop's body included.
func accesses(t *tape.Tape, in tape.Instr) (reads, writes []extent) {
	if lp, ok := in.(*tape.Loop); ok {
		for _, in := range lp.Body {
			r, w := accesses(t, in)
			reads, writes = append(reads, r...), append(writes, w...)
		}
		return reads, writes
	}
	in.Refs(func(r tape.Ref, write bool) {
		if write {
			writes = append(writes, extentOf(t, r.Buf))
		} else {
			reads = append(reads, extentOf(t, r.Buf))
		}
	})
	return reads, writes
}

func meet(a, b []extent) bool {
	return slices.ContainsFunc(a, func(e extent) bool { return slices.ContainsFunc(b, e.overlaps) })
}

// A table is what the kernel of a group reads from device memory. It goes up when the program is loaded.
type table struct {
	at      place
	entries []entry
	parts   [][2]uint32
}

// entry describes a Map of a group.
type entry struct {
	items int
	args  []place
}

// together makes the one launch of a group of Maps.
func (l *lowering) together(group []*tape.Map) []work {
	t := &table{}
	var maps []kernel.Mapped
	for _, m := range group {
		mapped, args := l.mapped(m)
		maps = append(maps, mapped)
		t.entries = append(t.entries, entry{mapped.Items, args})
	}
	k := kernel.NewTable(maps)
	t.parts = k.Parts
	descriptions := 8 * len(group) * (1 + len(t.entries[0].args))
	t.at = l.keep(descriptions + 8*len(k.Parts))
	l.tables = append(l.tables, t)
	return []work{l.launch(group[0], k.Launch, t.at, t.at.plus(descriptions))}
}

// bytes are the contents of the table.
func (t *table) bytes(base *[spaces]uint64) []byte {
	var b []byte
	for _, e := range t.entries {
		b = binary.NativeEndian.AppendUint64(b, uint64(e.items))
		for i := range e.args {
			b = binary.NativeEndian.AppendUint64(b, e.args[i].in(base, nil))
		}
	}
	for _, p := range t.parts {
		b = binary.NativeEndian.AppendUint32(b, p[0])
		b = binary.NativeEndian.AppendUint32(b, p[1])
	}
	return b
}
