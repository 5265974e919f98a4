package trainer

import (
	"math/bits"
	"math/rand/v2"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// aider gives the loss of a model what it needs to know of a batch: see models.Softmax. All of it follows from the
// batch and the step, so that a run that is continued does the same.
type aider struct {
	softmax models.Softmax
	vocab   int
	seed    uint64
}

// tailRows are how many targets each tail of an adaptive softmax computes: what a program is compiled for.
type tailRows [models.MaxTails]int

// rows is room for the tails' targets in each part of a batch.
func (a aider) rows(targets []int32, steps, parts int) (n tailRows) {
	if len(a.softmax.Cutoffs) == 0 {
		return n
	}
	for k := range parts {
		mine := part(targets, steps, k, parts)
		for i, rows := range a.softmax.Rows(mine) {
			n[i] = max(n[i], roomFor(len(rows), len(mine)))
		}
	}
	return n
}

// roomFor rounds a number of rows up, so that there are few programs: by less than a quarter, or to 8. It is at
// most all.
func roomFor(n, all int) int {
	unit := max(1<<bits.Len(uint(max(n, 1)-1))/8, 8)
	return min((max(n, 1)+unit-1)/unit*unit, all)
}

// aidPorts are the inputs of a program; without any if its softmax is a full one.
type aidPorts struct {
	rows           []*port[int32]
	samples, tries *port[int32]
}

// declare declares the inputs for so many rows.
func (a aider) declare(b *op.Builder, n tailRows) (*models.Aid, aidPorts) {
	aid := a.softmax.NewAid(b, n[:len(a.softmax.Cutoffs)])
	var p aidPorts
	switch {
	case aid == nil:
	case aid.Samples != nil:
		p.samples, p.tries = newPort[int32](aid.Samples), newPort[int32](aid.Tries)
	default:
		for _, rows := range aid.Rows {
			p.rows = append(p.rows, newPort[int32](rows))
		}
	}
	return aid, p
}

// fill gives a program the inputs for the targets of a part of the batch of a step.
func (a aider) fill(p *graph.Program, ports aidPorts, targets []int32, step int) error {
	if ports.samples != nil {
		random := rand.New(rand.NewPCG(a.seed, uint64(step)))
		tokens, tries := a.softmax.Draw(a.vocab, random)
		ports.tries.data[0] = int32(tries)
		copy(ports.samples.data, tokens)
		if err := p.Set(ports.samples.node, ports.samples.boxed); err != nil {
			return err
		}
		return p.Set(ports.tries.node, ports.tries.boxed)
	}
	if len(ports.rows) == 0 {
		return nil
	}
	for i, rows := range a.softmax.Rows(targets) {
		to := ports.rows[i]
		// What is left of the room gets a row that is not the tail's: it counts for nothing there.
		if rest := to.data[copy(to.data, rows):]; len(rest) > 0 {
			other := a.elsewhere(targets, i)
			for k := range rest {
				rest[k] = other
			}
		}
		if err := p.Set(to.node, to.boxed); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere is the place of the first target that is not in a tail.
func (a aider) elsewhere(targets []int32, tail int) int32 {
	for k, t := range targets {
		if a.softmax.Tail(t) != tail {
			return int32(k)
		}
	}
	return 0 // all are, and all room is theirs
}
