package cuda

import (
	"encoding/binary"
	"slices"

	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Elementwise instructions that do not depend on each other become one launch: any number of one kind outside
// of loops, such as the updates of all parameters, as a table; the sums of all results of Maps of one kind,
// such as the squared norms of all gradients, as a fold; a few small ones of any kind as a bundle. Instructions
// between them change places for that, where neither sees it.

const (
	mostInstructions = 4000    // of a body that is looked at: dependences are found pair by pair
	mostInBundle     = 4       // Maps
	mostItems        = 1 << 16 // of a Map in a bundle: a larger one keeps the GPU busy by itself
)

// A group is instructions of a body that run together: one, or elementwise ones that do not depend on each other.
type group struct {
	members []int
	table   bool
	work    []work
}

// groups gives the order in which to run the instructions of a body, and which of them together. What is not
// elementwise runs as soon as it can, in the order of the tape; what is waits until nothing else can.
func (l *lowering) groups(code []tape.Instr) []group {
	n := len(code)
	var gs []group
	if n > mostInstructions {
		for i := range code {
			gs = append(gs, group{members: []int{i}})
		}
		return gs
	}
	keys, small := make([]string, n), make([]bool, n)
	count := map[string]int{}
	for i, in := range code {
		if s, ok := in.(*sum); ok {
			keys[i] = "sum of " + l.kindOf(s)
			count[keys[i]]++
		} else if e, ok := l.elementwise(in); ok {
			small[i] = e.Items <= mostItems
			if m, isMap := in.(*tape.Map); isMap && len(l.trips) == 0 {
				keys[i] = l.mapped(m, kernel.NewPart).Key()
				count[keys[i]]++
			}
		}
	}
	for i := range keys {
		if count[keys[i]] < 2 {
			keys[i] = ""
		}
	}
	earlier, later := l.dependences(code)
	done := make([]bool, n)
	for left := n; left > 0; {
		var ready []int
		alone := -1
		for i := range code {
			if done[i] || earlier[i] > 0 {
				continue
			}
			if keys[i] == "" && !small[i] {
				alone = i
				break
			}
			ready = append(ready, i)
		}
		g := group{members: []int{alone}}
		if alone < 0 {
			key := keys[ready[0]]
			g = group{members: slices.DeleteFunc(ready, func(i int) bool { return keys[i] != key }), table: key != ""}
			if !g.table {
				g.members = g.members[:min(len(g.members), mostInBundle)]
			}
		}
		gs = append(gs, g)
		left -= len(g.members)
		for _, i := range g.members {
			done[i] = true
			for _, j := range later[i] {
				earlier[j]--
			}
		}
	}
	return gs
}

// elementwise is a Map, or a copy that is no transposition, made ready.
func (l *lowering) elementwise(in tape.Instr) (e elementwise, ok bool) {
	switch in := in.(type) {
	case *tape.Map:
		if volume(in.Shape) > 0 {
			return l.mapped(in, kernel.NewMap), true
		}
	case *tape.Copy:
		if volume(in.Shape) == 0 {
			return e, false
		}
		if _, transposes := kernel.NewTranspose(kernel.B32, in.Shape, in.In.Strides, in.Out.Strides); !transposes {
			return l.copied(in), true
		}
	}
	return e, false
}

// together makes the launches of a group.
func (l *lowering) together(code []tape.Instr, g group) []work {
	first := code[g.members[0]]
	if _, ok := first.(*sum); ok {
		var sums []*sum
		for _, i := range g.members {
			sums = append(sums, code[i].(*sum))
		}
		return l.fold(sums)
	}
	var maps []kernel.Mapped
	var args []place // of a bundle
	t := &table{}
	for _, i := range g.members {
		var e elementwise
		if m, isMap := code[i].(*tape.Map); isMap && g.table {
			e = l.mapped(m, kernel.NewPart)
		} else {
			e, _ = l.elementwise(code[i])
		}
		maps = append(maps, e.Mapped)
		args = append(append(args, e.args...), number(e.Items))
		t.words = append(append(t.words, number(e.Items)), e.args...)
	}
	if !g.table {
		return []work{l.launch(first, kernel.NewBundle(maps), args...)}
	}
	k := kernel.NewTable(maps)
	t.parts = k.Parts
	words, parts := l.put(t)
	return []work{l.launch(first, k.Launch, words, parts)}
}

// A table is what a kernel reads from device memory about the instructions of a group. It goes up when the
// program is loaded.
type table struct {
	at    place
	words []place // of 8 bytes each
	parts [][2]uint32
}

// put reserves memory for a table and says where its words and its parts are.
func (l *lowering) put(t *table) (words, parts place) {
	t.at = l.have(8 * (len(t.words) + len(t.parts)))
	l.tables = append(l.tables, t)
	return t.at, t.at.plus(8 * len(t.words))
}

// bytes are the contents of the table.
func (t *table) bytes(base *[spaces]uint64) []byte {
	var b []byte
	for i := range t.words {
		b = binary.NativeEndian.AppendUint64(b, t.words[i].in(base, nil))
	}
	for _, p := range t.parts {
		b = binary.NativeEndian.AppendUint32(b, p[0])
		b = binary.NativeEndian.AppendUint32(b, p[1])
	}
	return b
}
