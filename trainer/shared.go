package trainer

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// shared are the weights and the training state that several programs have in common, one for each shape of a
// batch. Where the programs cannot have them in one place, they are copied, through the host, when another
// program than before needs them.
type shared struct {
	Training
	device, using     tape.Device      // of programs that train, and of those that use the weights
	programs          []*graph.Program // all that were compiled
	applied           int              // of them: those that use the weights
	sharable, inPlace bool             // all programs may have, and have them in one place: see share
	placed            map[string]int   // by name: the version of the weights in the place of using; nil: there is none

	weights, state []graph.Tensor // as of the last time they were on the host; state nil: as before the first step
	names          []graph.Tensor // names and shapes of the training state
	carried        []string       // names of those that the model carries from step to step
	newest         *trainProgram  // has newer ones; nil: none
	trained        *trainProgram  // ran last
	version        int            // of the weights: one more whenever they change
	closed         bool           // there are no programs any more
	planning       *Memory        // not nil: training steps are not taken, only measured; see Plan
}

// newModel declares a model, and draws its initial weights. declare gives the states that it carries from step
// to step in training.
func newModel(
	c Training, d tape.Device, declare func(*op.Builder, *models.Params) (carried G.Nodes, err error),
) (*shared, error) {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, c.Seed)
	carried, err := declare(b, p)
	if err != nil {
		return nil, err
	}
	return newShared(b, p.Nodes(), c, d, carried...)
}

// newShared takes the initial weights from params, and finds out which states a training step will have beside
// those that the model carries.
func newShared(b *op.Builder, params G.Nodes, c Training, d tape.Device, carried ...*G.Node) (*shared, error) {
	if err := c.check(params); err != nil {
		return nil, err
	}
	s := &shared{Training: c, version: 1}
	for _, n := range params {
		s.weights = append(s.weights, graph.Tensor{Name: n.Name(), Shape: n.Shape(), Data: n.Value().Data()})
	}
	step := c.stepConfig(nil, nil, nil, params)
	states, err := step.DeclareStates(b)
	if err != nil {
		return nil, err
	}
	s.sharable = c.Average == 0 // else what is used are not the weights that move
	for _, n := range states {
		s.sharable = s.sharable && n.Value() == nil // that a program would begin with
	}
	for _, n := range carried {
		s.carried = append(s.carried, n.Name())
	}
	for _, n := range append(states, carried...) {
		s.names = append(s.names, graph.Tensor{Name: n.Name(), Shape: n.Shape()})
	}
	s.share(d)
	return s, nil
}

// Device is what the model runs on.
func (s *shared) Device() string { return s.device.Name() }

// StepCost is that of the device.
func (s *shared) StepCost() tape.StepCost { return tape.StepCostOf(s.device) }

// Close frees the device's memory. What needs a program afterwards is an error.
func (s *shared) Close() error {
	s.closed = true
	var first error
	for _, p := range s.programs {
		if err := p.Close(); first == nil {
			first = err
		}
	}
	s.programs = nil
	return first
}

// open says whether the model is not closed yet.
func (s *shared) open() error {
	if s.closed {
		return errors.New("the model is closed: close it when nobody uses it any more")
	}
	return nil
}

// forget frees a program that uses the weights; nil is none. What programs have in common may be gone with the last of
// them.
func (s *shared) forget(p *graph.Program) error {
	if p == nil {
		return nil
	}
	s.programs = slices.DeleteFunc(s.programs, func(x *graph.Program) bool { return x == p })
	if s.applied--; s.applied == 0 {
		clear(s.placed)
	}
	return p.Close()
}

// share sets the devices for the programs. Where one can, they take turns in one memory, and the weights are there
// once for all that use them: those that training moves, with its state, if these are what is used.
func (s *shared) share(d tape.Device) {
	if d == nil {
		d = cpu.New()
	}
	s.device, s.using = d, d
	sharer, ok := d.(tape.Sharer)
	if !ok {
		return
	}
	s.inPlace, s.placed = s.sharable, map[string]int{}
	if s.inPlace {
		s.device = sharer.Share(names(s.weights, s.names[:len(s.names)-len(s.carried)]))
		s.using = s.device
		return
	}
	s.device = sharer.Share(nil)
	s.using = s.device.(tape.Sharer).Share(names(s.weights))
}

// names are those of tensors.
func names(tensors ...[]graph.Tensor) map[string]bool {
	all := map[string]bool{}
	for _, t := range slices.Concat(tensors...) {
		all[t.Name] = true
	}
	return all
}

// makeCurrent makes p the program that has the newest weights and training state, and is about to change them.
func (s *shared) makeCurrent(p *trainProgram) error {
	if err := s.open(); err != nil {
		return err
	}
	switch {
	case s.newest == p:
	case s.newest != nil && s.inPlace:
		if err := s.handOn(p); err != nil {
			return err
		}
		s.newest = p
	default:
		if err := s.fetch(); err != nil {
			return err
		}
		if err := write(p.Program, "weights", append(slices.Clone(p.params), p.fixed...), s.weights); err != nil {
			return err
		}
		var err error
		if s.state == nil {
			err = begin(p.Program, p.states)
		} else {
			err = write(p.Program, "training state", p.states, s.state)
		}
		if err != nil {
			return err
		}
		s.newest = p
	}
	s.trained = p
	s.version++
	return nil
}

// handOn gives a program the states that the model carries, which programs that only measure have by the same names
// and for themselves.
func (s *shared) handOn(p *trainProgram) error {
	states, err := read(s.newest.Program, s.newest.carried)
	if err != nil {
		return err
	}
	return write(p.Program, "carried state", p.carried, states)
}

// fetch copies weights and training state to the host, if a program has newer ones.
func (s *shared) fetch() error {
	if s.newest == nil {
		return nil
	}
	if err := s.open(); err != nil {
		return err
	}
	weights, err := s.newestWeights()
	if err != nil {
		return err
	}
	state, err := read(s.newest.Program, s.newest.states)
	if err != nil {
		return err
	}
	s.weights, s.state, s.newest = weights, state, nil
	return nil
}

// newestWeights are the weights that the newest program has, and those that stay as they are.
func (s *shared) newestWeights() ([]graph.Tensor, error) {
	moved, err := read(s.newest.Program, s.newest.params)
	return replaced(s.weights, moved), err
}

// replaced are tensors in their order, but for those that there are newer ones of.
func replaced(ts, newer []graph.Tensor) []graph.Tensor {
	byName := map[string]graph.Tensor{}
	for _, t := range newer {
		byName[t.Name] = t
	}
	ts = slices.Clone(ts)
	for i, t := range ts {
		if n, ok := byName[t.Name]; ok {
			ts[i] = n
		}
	}
	return ts
}

// obtain gives the program for a shape, which it makes if there is none yet.
func obtain[S comparable, P any](programs map[S]*P, at S, make func(S) (*P, error)) (*P, error) {
	if p := programs[at]; p != nil {
		return p, nil
	}
	p, err := make(at)
	if err != nil {
		return nil, err
	}
	programs[at] = p
	return p, nil
}
