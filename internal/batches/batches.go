// Package batches makes batches of sequences: which examples go together, in which order, how they are padded,
// and how they are prepared while the batch before them is being used.
//
// It must not know where sequences come from nor what a model does with them. Everything is time-major: element
// t*B+b of a T×B slice is step t of the b-th example of a batch.
//
// The batches of an epoch depend on the lengths of the examples, the seed and the number of the epoch alone. So
// the number of the step is all that must be kept to go on exactly where a run stopped.
package batches

import "github.com/pkg/errors"

// Shape is how many steps the sequences of a batch have: sources and targets. Without targets, as for a
// classifier, Target is 0.
type Shape struct{ Source, Target int }

// steps is what a batch of this shape costs, per example.
func (s Shape) steps() int { return s.Source + s.Target }

// over is the smallest shape that holds both.
func (s Shape) over(t Shape) Shape {
	return Shape{max(s.Source, t.Source), max(s.Target, t.Target)}
}

func (s Shape) holds(t Shape) bool { return s.over(t) == s }

// Group is a batch before it is filled.
type Group struct {
	Shape
	Examples []int32 // B numbers; -1 where an example is missing, after the others
}

// check says what is wrong with a group of examples below n.
func (g Group) check(n int) error {
	if len(g.Examples) == 0 || g.Source < 1 || g.Target < 0 {
		return errors.Errorf("a batch of %d examples of %d and %d steps", len(g.Examples), g.Source, g.Target)
	}
	for _, i := range g.Examples {
		if int(i) >= n {
			return errors.Errorf("example %d of %d", i, n)
		}
	}
	return nil
}

// Count is the number of examples that are not missing.
func (g Group) Count() int {
	n := 0
	for _, i := range g.Examples {
		if i >= 0 {
			n++
		}
	}
	return n
}
