package trainer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
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

// NonFinite says what was not finite in the newest training step, which was therefore not applied: the gradient
// of a parameter, by its name, or else the loss; of several processes also on which; overflow says that only the
// multiple of the loss was too large that LossScaling has made smaller since. All processes of Training.World must
// call it.
func (s *shared) NonFinite() (what string, overflow bool, err error) {
	p := s.trained
	if p == nil {
		return "", false, errors.New("no training step was taken yet")
	}
	if err := s.open(); err != nil {
		return "", false, err
	}
	whole, err := p.sizes(p.Loss, p.Squares)
	if err != nil {
		return "", false, err
	}
	on, err := s.notFiniteOn(p)
	if err != nil {
		return "", false, err
	}
	what = cmp.Or(on, p.notFinite(whole), "the sum of the squares of all gradients")
	if loss := whole[0]; p.Scale != nil && loss-loss == 0 {
		scale, err := number(p.Program, p.Scale)
		return what, scale > 1, err
	}
	return what, false, nil
}

// trainProgram is a training program of one shape.
type trainProgram struct {
	*optim.Step
	params           G.Nodes // that move
	fixed            G.Nodes // that stay as they are
	states           G.Nodes // all that a step hands to the next but the weights
	carried          G.Nodes // those of them that the model carries
	rate, loss, norm *port[float32]
	first, last      *port[float32] // nil: a step is one run
}

// step compiles a training step on a loss that is a mean over a number, weight (nil: always the same).
func (s *shared) step(
	b *op.Builder, loss, weight *G.Node, params G.Nodes, carried ...graph.Update,
) (*trainProgram, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	c := s.stepConfig(s.device, loss, weight, params, carried...)
	step, err := optim.NewStep(b, c.StepConfig)
	if err != nil {
		return nil, err
	}
	s.programs = append(s.programs, step.Program)
	p := &trainProgram{
		Step: step, params: c.Params, fixed: c.fixed, states: slices.Clone(step.States),
		rate: newPort[float32](step.Rate), loss: newPort[float32](step.Loss), norm: newPort[float32](step.Norm),
	}
	if step.Last != nil {
		p.first, p.last = newPort[float32](step.First), newPort[float32](step.Last)
	}
	for _, u := range c.Carried {
		p.carried = append(p.carried, u.State)
	}
	p.states = append(p.states, p.carried...)
	return p, nil
}

// train runs a training step. fill gives the program the k-th of n parts of the batch: those of this process.
func (s *shared) train(p *trainProgram, rate float64, fill func(k, n int) error) (loss, norm float64, err error) {
	if err := setting.AtLeast("rate", rate, 0); err != nil {
		return 0, 0, errors.Wrap(err, "training step")
	}
	if s.planning != nil {
		return 0, 0, s.planning.measure(p)
	}
	if err := s.makeCurrent(p); err != nil {
		return 0, 0, err
	}
	if err := p.rate.setNumber(p.Step, float32(rate)); err != nil {
		return 0, 0, err
	}
	first, own := s.ownParts()
	for i := range own {
		if err := fill(first+i, s.parts()); err != nil {
			return 0, 0, err
		}
		if err := p.mark(i == 0, i == own-1); err != nil {
			return 0, 0, err
		}
		if err := p.Run(); err != nil {
			return 0, 0, err
		}
	}
	if loss, err = p.loss.number(p.Program); err != nil {
		return 0, 0, err
	}
	norm, err = p.norm.number(p.Program)
	return loss, norm, err
}

// mark says whether a run is the first and the last of a step.
func (p *trainProgram) mark(first, last bool) error {
	if p.first == nil {
		return nil
	}
	number := func(is bool) float32 {
		if is {
			return 1
		}
		return 0
	}
	if err := p.first.setNumber(p.Program, number(first)); err != nil {
		return err
	}
	return p.last.setNumber(p.Program, number(last))
}

// applied is a program without derivative, of one shape.
type applied struct {
	*graph.Program
	params  G.Nodes // those that it needs
	version int     // of the weights that it has; 0: none
}

// apply compiles a program without derivative.
func (s *shared) apply(b *op.Builder, params, outputs G.Nodes, updates ...graph.Update) (applied, error) {
	if err := s.open(); err != nil {
		return applied{}, err
	}
	a, err := apply(graph.Config{Device: s.using, Recompute: s.Recompute, Memory: s.Memory}, b, params, outputs,
		updates...)
	if err == nil {
		s.programs = append(s.programs, a.Program)
		s.applied++
	}
	return a, err
}

// apply compiles a program without derivative, which needs those parameters that its outputs depend on.
func apply(c graph.Config, b *op.Builder, params, outputs G.Nodes, updates ...graph.Update) (applied, error) {
	if b.Err() != nil {
		return applied{}, b.Err()
	}
	c.Outputs, c.Updates = outputs, updates
	p, err := fitted(c)
	if err != nil {
		return applied{}, err
	}
	a := applied{Program: p}
	for _, n := range params {
		if slices.Contains(p.Inputs(), n) {
			a.params = append(a.params, n)
		}
	}
	return a, nil
}

// sync gives a program the newest weights, or their average.
func (s *shared) sync(p *applied) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.newest != nil && s.inPlace {
		p.version = s.version
	}
	if p.version == s.version {
		return nil
	}
	weights, state := s.weights, s.state
	if s.newest != nil {
		var err error
		if weights, err = s.newestWeights(); err != nil {
			return err
		}
		if s.Average > 0 {
			if state, err = read(s.newest.Program, s.newest.States); err != nil {
				return err
			}
		}
	}
	var nodes G.Nodes
	var wanted []graph.Tensor
	for _, t := range s.averaged(weights, state) {
		i := slices.IndexFunc(p.params, func(n *G.Node) bool { return n.Name() == t.Name })
		if i >= 0 && (s.placed == nil || s.placed[t.Name] != s.version) {
			nodes, wanted = append(nodes, p.params[i]), append(wanted, t)
		}
	}
	if err := write(p.Program, "weights", nodes, wanted); err != nil {
		return err
	}
	for _, t := range wanted {
		if s.placed != nil {
			s.placed[t.Name] = s.version
		}
	}
	p.version = s.version
	return nil
}

// keyNode declares the random key of a training step.
func keyNode(b *op.Builder) *G.Node {
	return G.NewVector(b.Graph(), tensor.Int32, G.WithShape(4), G.WithName("key"))
}

// key is the random key of a run of a training program, counted from 0: the same for equal seeds. A step in
// parts is several runs.
func key(seed uint64, run int) []int32 {
	return []int32{int32(uint32(seed)), int32(uint32(seed >> 32)), int32(run), 0}
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
