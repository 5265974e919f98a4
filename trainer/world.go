package trainer

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The states that a model carries from step to step belong to parts of a batch, so that each process has others. What
// TrainState gives and Load takes has those of all parts, P×..., as one process has them that computes all.

// Ranks are the processes that train the model together: Training.World or, if that is nil, this one alone.
func (s *shared) Ranks() parallel.Communicator {
	if s.World == nil {
		return parallel.Alone{}
	}
	return s.World
}

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

// sizes are what says whether a step was finite: the loss, and of each parameter's gradient the squared norm.
func (p *trainProgram) sizes(loss *G.Node, squares G.Nodes) (all []float32, err error) {
	for _, n := range append(G.Nodes{loss}, squares...) {
		x, err := number(p.Program, n)
		if err != nil {
			return nil, err
		}
		all = append(all, float32(x))
	}
	return all, nil
}

// notFinite names the first that is not finite of what sizes gives, a gradient or else the loss; "" if all are.
func (p *trainProgram) notFinite(sizes []float32) string {
	bad := func(x float32) bool { return x-x != 0 }
	if i := slices.IndexFunc(sizes[1:], bad); i >= 0 {
		return "the gradient of " + p.params[i].Name()
	}
	if bad(sizes[0]) {
		return "the loss"
	}
	return ""
}

// notFiniteOn names what was not finite in the newest step of a process alone, and which process that is; "" if all
// was, or there is one process. All must call it.
func (s *shared) notFiniteOn(p *trainProgram) (string, error) {
	if p.Own == nil {
		return "", nil
	}
	own, err := p.sizes(p.Own[0], p.Own[1:])
	if err != nil {
		return "", err
	}
	all, err := s.World.Gather(parallel.Bytes(own))
	if err != nil {
		return "", err
	}
	for rank, data := range all {
		if what := p.notFinite(parallel.Floats(data)); what != "" {
			return fmt.Sprintf("%s on rank %d", what, rank), nil
		}
	}
	return "", nil
}
