package trainer

import (
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// moving are those of some weights that training moves.
func (s *shared) moving(weights []graph.Tensor) []graph.Tensor {
	return slices.DeleteFunc(slices.Clone(weights), func(w graph.Tensor) bool { return s.frozen(w.Name) })
}

// Params are the weights to use: the average, if there is one.
func (s *shared) Params() ([]graph.Tensor, error) {
	if err := s.fetch(); err != nil {
		return nil, err
	}
	return s.averaged(s.weights, s.state), nil
}

// averaged gives the average for each of some weights: themselves, if there is none yet.
func (s *shared) averaged(weights, state []graph.Tensor) []graph.Tensor {
	if s.Average == 0 || state == nil {
		return weights
	}
	numbers := func(name string) []float32 {
		i := slices.IndexFunc(state, func(t graph.Tensor) bool { return t.Name == name })
		return state[i].Data.([]float32)
	}
	n := numbers(optim.AverageWeight)[0]
	if n == 0 {
		return weights
	}
	out := slices.Clone(weights)
	for i, w := range weights {
		if s.frozen(w.Name) {
			continue
		}
		mean := slices.Clone(numbers(optim.AverageOf(w.Name)))
		for k := range mean {
			mean[k] /= n
		}
		out[i].Data = mean
	}
	return out
}

// rawPrefix begins the names of weights that are a part of the training state, because an average stands in
// their place.
const rawPrefix = "weight/"

// TrainState is what else the next training step depends on: the states of the optimizer and of the model; nil
// before the first step. All processes of Training.World have the same.
func (s *shared) TrainState() ([]graph.Tensor, error) {
	if err := s.fetch(); err != nil {
		return nil, err
	}
	state, err := s.gathered(s.state)
	if err != nil || s.Average == 0 || state == nil {
		return state, err
	}
	state = slices.Clone(state)
	for _, w := range s.moving(s.weights) {
		w.Name = rawPrefix + w.Name
		state = append(state, w)
	}
	return state, nil
}

// Load replaces the weights and the training state; nil is that before the first step. Names and shapes must be
// those of Params and TrainState.
func (s *shared) Load(weights, state []graph.Tensor) error {
	for _, t := range slices.Concat(weights, state) {
		if t.Data == nil {
			return errors.Errorf("%q has no data to load", t.Name)
		}
	}
	if err := graph.MatchTensors("weights", s.weights, weights); err != nil {
		return err
	}
	if state != nil {
		if s.Average > 0 {
			var raw, rest []graph.Tensor
			for _, t := range state {
				if name, is := strings.CutPrefix(t.Name, rawPrefix); is {
					t.Name = name
					raw = append(raw, t)
				} else {
					rest = append(rest, t)
				}
			}
			if err := graph.MatchTensors("training state", s.moving(s.weights), raw); err != nil {
				return err
			}
			weights, state = replaced(weights, raw), rest
		}
		if err := graph.MatchTensors("training state", s.wholeNames(), state); err != nil {
			return err
		}
	}
	s.weights, s.state, s.newest = replaced(s.weights, weights), slices.Clone(s.own(state)), nil
	s.version++
	return nil
}

// reset makes the states zero that the model carries from step to step.
func (s *shared) reset() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.newest != nil {
		return begin(s.newest.Program, s.newest.carried)
	}
	s.state = slices.Clone(s.state)
	for i, t := range s.state { // state nil: they are
		if slices.Contains(s.carried, t.Name) {
			s.state[i].Data = make([]float32, len(t.Data.([]float32)))
		}
	}
	return nil
}
