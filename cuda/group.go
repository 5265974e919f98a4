package cuda

import (
	"encoding/binary"
	"slices"

	"github.com/unroll-ml/unroll/cuda/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Elementwise instructions that do not depend on each other become one launch: any number of one kind outside of loops, such as the updates
// of all parameters, as a table; a few small ones of any kind as a bundle. Instructions between them change places for that, where
// neither sees it.

const (
	mostInstructions = 4000    // of a body that is looked at: dependences are found pair by pair
	mostInBundle     = 4       // Maps
	mostItems        = 1 << 16 // of a Map in a bundle: a larger one keeps the GPU busy by itself
)

// A group is instructions of a body that run together: one, or elementwise ones that do not depend on each other.
type group struct {
	members []int
	table   bool
}

// groups gives the order in which to run the instructions of a body, and which of them together. What is not elementwise runs as soon as it
// can, in the order of the tape; what is waits until nothing else can.
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
		if e, ok := l.elementwise(in); ok {
			small[i] = e.Items <= mostItems
			if _, isMap := in.(*tape.Map); isMap && len(l.trips) == 0 {
				keys[i] = e.Key()
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
			return l.mapped(in), true
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

// together makes the launch of a group.
func (l *lowering) together(code []tape.Instr, g group) work {
	var maps []kernel.Mapped
	var es []elementwise
	for _, i := range g.members {
		e, _ := l.elementwise(code[i])
		maps, es = append(maps, e.Mapped), append(es, e)
	}
	if g.table {
		return l.inTable(code[g.members[0]], maps, es)
	}
	var args []place
	for _, e := range es {
		args = append(append(args, e.args...), number(e.Items))
	}
	return l.launch(code[g.members[0]], kernel.NewBundle(maps), args...)
}

// A table is what the kernel of a kernel.Table reads from device memory. It goes up when the program is loaded.
type table struct {
	at    place
	maps  []elementwise
	parts [][2]uint32
}

func (l *lowering) inTable(in tape.Instr, maps []kernel.Mapped, es []elementwise) work {
	k := kernel.NewTable(maps)
	t := &table{maps: es, parts: k.Parts}
	descriptions := 8 * len(es) * (1 + len(es[0].args))
	t.at = l.keep(descriptions + 8*len(k.Parts))
	l.tables = append(l.tables, t)
	return l.launch(in, k.Launch, t.at, t.at.plus(descriptions))
}

// bytes are the contents of the table.
func (t *table) bytes(base *[spaces]uint64) []byte {
	var b []byte
	for _, e := range t.maps {
		b = binary.NativeEndian.AppendUint64(b, uint64(e.Items))
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
