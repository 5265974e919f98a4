package trainer

import (
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The states that a model carries from step to step belong to parts of a batch, so that each process has others. What
// TrainState gives and Load takes has those of all parts, P×..., as one process has them that computes all.

// whole is the shape of a carried state of all parts, from that of this process.
func (s *shared) whole(shape []int) []int {
	if _, own := s.ownParts(); own > 1 {
		shape = shape[1:]
	}
	return append([]int{s.parts()}, shape...)
}

// wholeNames are the names and shapes of the training state of all processes.
func (s *shared) wholeNames() []graph.Tensor {
	if !s.apart() {
		return s.names
	}
	return s.eachCarried(s.names, func(t *graph.Tensor) { t.Shape = s.whole(t.Shape) })
}

// eachCarried is a copy of a training state in which f has changed the states that the model carries.
func (s *shared) eachCarried(state []graph.Tensor, f func(*graph.Tensor)) []graph.Tensor {
	state = slices.Clone(state)
	for i := range state {
		if slices.Contains(s.carried, state[i].Name) {
			f(&state[i])
		}
	}
	return state
}

// gathered is the training state of all processes.
func (s *shared) gathered(state []graph.Tensor) ([]graph.Tensor, error) {
	if !s.apart() || state == nil || len(s.carried) == 0 {
		return state, nil
	}
	var err error
	return s.eachCarried(state, func(t *graph.Tensor) {
		if err != nil {
			return
		}
		var all [][]byte
		if all, err = s.World.Gather(parallel.Bytes(t.Data.([]float32))); err == nil {
			t.Shape, t.Data = s.whole(t.Shape), parallel.Floats(slices.Concat(all...))
		}
	}), err
}

// own is what belongs to this process of the training state of all.
func (s *shared) own(state []graph.Tensor) []graph.Tensor {
	if !s.apart() || state == nil {
		return state
	}
	first, n := s.ownParts()
	return s.eachCarried(state, func(t *graph.Tensor) {
		data := t.Data.([]float32)
		size := len(data) / s.parts()
		t.Data = data[first*size:][:n*size]
		if t.Shape = t.Shape[1:]; n > 1 {
			t.Shape = append([]int{n}, t.Shape...)
		}
	})
}

// whose names the process whose own loss was not finite in the newest step; "" if all were, or there is one process.
func (s *shared) whose(p *trainProgram) (string, error) {
	if p.Own == nil {
		return "", nil
	}
	own, err := number(p.Program, p.Own)
	if err != nil {
		return "", err
	}
	all, err := s.World.Gather(parallel.Bytes([]float32{float32(own)}))
	if err != nil {
		return "", err
	}
	for rank, data := range all {
		if x := float64(parallel.Floats(data)[0]); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Sprintf(" on rank %d", rank), nil
		}
	}
	return "", nil
}
