package trainer

import (
	"cmp"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/optim"
)

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

// keyNode declares the random key of a training step.
func keyNode(b *op.Builder) *G.Node {
	return G.NewVector(b.Graph(), tensor.Int32, G.WithShape(4), G.WithName("key"))
}

// key is the random key of a run of a training program, counted from 0: the same for equal seeds. A step in
// parts is several runs.
func key(seed uint64, run int) []int32 {
	return []int32{int32(uint32(seed)), int32(uint32(seed >> 32)), int32(run), 0}
}
