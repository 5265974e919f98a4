package cpu

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// allReduce is a tape.AllReduce. Its function works on the arena itself.
type allReduce[T float32 | float64] struct {
	tape          *tape.AllReduce
	in, out, when place
}

func (l *loader[T]) allReduce(a *tape.AllReduce) []step {
	return []step{&allReduce[T]{a, newPlace(l.tape, a.In), newPlace(l.tape, a.Out), newPlace(l.tape, a.When)}}
}

func (a *allReduce[T]) run(m *machine) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("cpu: allreduce panicked: %v", r)
		}
	}()
	out := elements[T](m, &a.out, a.tape.N)
	if a.in.in(m) != a.out.in(m) {
		copy(out, elements[T](m, &a.in, a.tape.N))
	}
	if elements[T](m, &a.when, 1)[0] == 0 {
		return nil
	}
	return errors.WithMessage(a.tape.Sum(out), "cpu: allreduce")
}
