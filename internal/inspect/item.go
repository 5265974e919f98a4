package inspect

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Item is an instruction of a tape, or a node of a graph.
type Item struct {
	Text   string
	Kind   string
	Layers []string // of the states that it touches
	Cost   Cost     // in a run of the program
	Needs  []int    // the items that it reads from, by their places
	Loop   bool     // it is a loop, or a scan
	Body   []Item   // of a loop; what these need is among them
	Update bool     // it writes a state
	Code   []tape.Instr
}

// Items are the instructions of a tape, each with those that it reads from.
func Items(t *tape.Tape) []Item { return items(t, namesOf(t), t.Code, 1) }

func items(t *tape.Tape, n names, code []tape.Instr, times int) []Item {
	all := make([]Item, len(code))
	last := map[tape.BufferID]int{} // who wrote a buffer last
	for i, in := range code {
		one := []tape.Instr{in}
		x := Item{Text: in.String(), Kind: kindOf(in), Layers: n.of(one), Cost: costs(t, one, times), Code: one}
		if l, ok := in.(*tape.Loop); ok {
			x.Loop, x.Body = true, items(t, n, l.Body, times*l.Trip)
			x.Text = fmt.Sprintf("loop of %d steps", l.Trip)
		}
		var wrote []tape.BufferID
		touches(one, func(b tape.BufferID, write bool) {
			if from, ok := last[b]; ok && from != i && !slices.Contains(x.Needs, from) {
				x.Needs = append(x.Needs, from)
			}
			if write {
				wrote = append(wrote, b)
				x.Update = x.Update || n[b] != nil && n[b].Kind == tape.State
			}
		})
		for _, b := range wrote {
			last[b] = i
		}
		all[i] = x
	}
	return all
}

// touches calls f for each buffer that code touches, that of loops included.
func touches(code []tape.Instr, f func(b tape.BufferID, write bool)) {
	for _, in := range code {
		if l, ok := in.(*tape.Loop); ok {
			touches(l.Body, f)
			continue
		}
		in.Refs(func(r tape.Ref, write bool) { f(r.Buf, write) })
	}
}

// Observe implements graph.Observer.
func (r *Recorder) Observe(nodes G.Nodes, children func(*G.Node) G.Nodes) {
	places := make(map[*G.Node]int, len(nodes))
	all := make([]Item, 0, len(nodes))
	for _, n := range nodes {
		x := Item{Text: n.Name(), Kind: "input", Cost: Cost{Instrs: 1, Runs: 1, Bytes: bytesOf(n)}}
		if n.Op() != nil {
			text := n.Op().String()
			x.Kind, _, _ = strings.Cut(text, "(")
			x.Kind, _, _ = strings.Cut(x.Kind, " ")
			x.Text = text
			x.Loop = strings.HasPrefix(text, "Scan")
		}
		x.Text += fmt.Sprint("  ", n.Dtype(), n.Shape())
		for _, c := range children(n) {
			if at, ok := places[c]; ok && !slices.Contains(x.Needs, at) {
				x.Needs = append(x.Needs, at)
				if c.Op() == nil && c.Name() != "" {
					x.Layers = appendNew(x.Layers, layerOf(c.Name()))
				}
			}
		}
		places[n] = len(all)
		all = append(all, x)
	}
	*r.nodes = all
}

func appendNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// bytesOf is the size of a node's value.
func bytesOf(n *G.Node) int64 {
	size := int64(4)
	if n.Dtype() == tensor.Float64 {
		size = 8
	}
	return size * int64(elements(n.Shape()))
}
