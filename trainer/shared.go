package trainer

import (
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// shared are the weights and the training state that several programs have in common, one for each shape of a batch. Every program
// has memory of its own, so they are copied, through the host, when another program than before needs them.
type shared struct {
	weights, state []checkpoint.Tensor // as of the last time they were on the host; state nil: zero
	names          []checkpoint.Tensor // names and shapes of the training state
	newest         *trainProgram       // has newer ones; nil: none
	version        int                 // of the weights: one more whenever they change
}

// trainProgram is a training program of one shape.
type trainProgram struct {
	*Step
	params G.Nodes
}

// newShared takes the initial weights from params, and asks the optimizer which states it will declare.
func newShared(b *op.Builder, params G.Nodes, o Optimizer) (*shared, error) {
	s := &shared{version: 1}
	for _, n := range params {
		s.weights = append(s.weights, checkpoint.Tensor{Name: n.Name(), Shape: n.Shape(), Data: n.Value().Data()})
	}
	states := &States{b: b}
	o.Updates(states, G.NewScalar(b.Graph(), params[0].Dtype(), G.WithName("learning rate")), params, params)
	for _, n := range states.nodes {
		s.names = append(s.names, checkpoint.Tensor{Name: n.Name(), Shape: n.Shape()})
	}
	return s, b.Err()
}

// lend makes p the program that has the newest weights and training state, and is about to change them.
func (s *shared) lend(p *trainProgram) error {
	if s.newest != p {
		if err := s.fetch(); err != nil {
			return err
		}
		if err := write(p.Program, "weights", p.params, s.weights); err != nil {
			return err
		}
		var err error
		if s.state == nil {
			err = zero(p.Program, p.States)
		} else {
			err = write(p.Program, "training state", p.States, s.state)
		}
		if err != nil {
			return err
		}
		s.newest = p
	}
	s.version++
	return nil
}

// fetch copies weights and training state to the host, if a program has newer ones.
func (s *shared) fetch() error {
	if s.newest == nil {
		return nil
	}
	weights, err := read(s.newest.Program, s.newest.params)
	if err != nil {
		return err
	}
	state, err := read(s.newest.Program, s.newest.States)
	if err != nil {
		return err
	}
	s.weights, s.state, s.newest = weights, state, nil
	return nil
}

// Params are the weights.
func (s *shared) Params() ([]checkpoint.Tensor, error) {
	err := s.fetch()
	return s.weights, err
}

// TrainState is what else the next training step depends on: the optimizer's state; nil before the first step.
func (s *shared) TrainState() ([]checkpoint.Tensor, error) {
	err := s.fetch()
	return s.state, err
}

// Load replaces the weights and the training state; nil is that before the first step. Names and shapes must be those of Params
// and TrainState.
func (s *shared) Load(weights, state []checkpoint.Tensor) error {
	if err := match("weights", s.weights, weights); err != nil {
		return err
	}
	if state != nil {
		if err := match("training state", s.names, state); err != nil {
			return err
		}
	}
	s.weights, s.state, s.newest = weights, state, nil
	s.version++
	return nil
}

// applied is a program without derivative, of one shape.
type applied struct {
	*graph.Program
	params  G.Nodes // those that it needs
	version int     // of the weights that it has; 0: none
}

// sync gives a program the newest weights.
func (s *shared) sync(p *applied) error {
	if p.version == s.version {
		return nil
	}
	weights := s.weights
	if s.newest != nil {
		var err error
		if weights, err = read(s.newest.Program, s.newest.params); err != nil {
			return err
		}
	}
	var wanted []checkpoint.Tensor
	for _, t := range weights {
		if slices.ContainsFunc(p.params, func(n *G.Node) bool { return n.Name() == t.Name }) {
			wanted = append(wanted, t)
		}
	}
	if err := write(p.Program, "weights", p.params, wanted); err != nil {
		return err
	}
	p.version = s.version
	return nil
}

// train runs a training step.
func (s *shared) train(p *trainProgram, rate float64, inputs ...any) (loss, norm float64, err error) {
	if err := s.lend(p); err != nil {
		return 0, 0, err
	}
	if err := set(p.Program, append(inputs, p.Rate, []float32{float32(rate)})...); err != nil {
		return 0, 0, err
	}
	if err := p.Run(); err != nil {
		return 0, 0, err
	}
	if loss, err = number(p.Program, p.Loss); err != nil {
		return 0, 0, err
	}
	norm, err = number(p.Program, p.Norm)
	return loss, norm, err
}

// closeAll closes programs, and gives the first error.
func closeAll(programs []*graph.Program) error {
	var first error
	for _, p := range programs {
		if err := p.Close(); first == nil {
			first = err
		}
	}
	return first
}

// keyNode declares the random key of a training step.
func keyNode(b *op.Builder) *G.Node {
	return G.NewVector(b.Graph(), tensor.Int32, G.WithShape(4), G.WithName("key"))
}

// key is the random key of a training step, counted from 0: the same for equal seeds.
func key(seed uint64, step int) []int32 {
	return []int32{int32(uint32(seed)), int32(uint32(seed >> 32)), int32(step), 0}
}
