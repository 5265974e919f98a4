package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Loops are merged where that saves passes over memory, such as the two directions of an encoder. Where parts
// of a body never touch what another one writes, each becomes a loop of its own again, so that they can run
// side by side.

// apart puts several loops in the place of one whose body has such parts. Other instructions stay where they are.
func (l *lowering) apart(code []tape.Instr) []tape.Instr {
	var out []tape.Instr
	for _, in := range code {
		lp, ok := in.(*tape.Loop)
		if !ok || !stepwise(lp.Body) || slices.ContainsFunc(lp.Body, isLoop) || len(lp.Body) > mostInstructions/10 {
			out = append(out, in)
			continue
		}
		for _, body := range l.parts(lp) {
			out = append(out, &tape.Loop{Trip: lp.Trip, Body: body})
		}
	}
	return out
}

func isLoop(in tape.Instr) bool    { _, ok := in.(*tape.Loop); return ok }
func isProduct(in tape.Instr) bool { _, ok := in.(*tape.Product); return ok }

// parts are the parts of a body that do not depend on each other at any two steps. Each but the first has a
// product: less is not worth a loop.
func (l *lowering) parts(lp *tape.Loop) [][]tape.Instr {
	n := len(lp.Body)
	part, accesses := make([]int, n), make([][]access, n)
	for j, in := range lp.Body {
		part[j] = j
		for _, a := range l.accesses(in, 1) {
			accesses[j] = append(accesses[j], a.throughout(0, lp.Trip))
		}
		for i := range j {
			if from, to := part[i], part[j]; from != to && conflict(accesses[i], accesses[j]) {
				for k := range j + 1 {
					if part[k] == from {
						part[k] = to
					}
				}
			}
		}
	}
	var parts [][]tape.Instr
	for p := range n {
		if !multiplied(lp.Body, part, p) {
			continue
		}
		first := len(parts) == 0
		var body []tape.Instr
		for j, in := range lp.Body {
			if part[j] == p || first && !multiplied(lp.Body, part, part[j]) {
				body = append(body, in)
			}
		}
		parts = append(parts, body)
	}
	if len(parts) < 2 {
		return [][]tape.Instr{lp.Body}
	}
	return parts
}

// multiplied reports whether a part has a product.
func multiplied(body []tape.Instr, part []int, p int) bool {
	for j, in := range body {
		if part[j] == p && isProduct(in) {
			return true
		}
	}
	return false
}
