package workloads

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/optim"
)

const learningRate = 1e-3

// Job is a workload on a device, ready to run.
type Job interface {
	// Step computes once.
	Step() error
	// Measure is a Step that also gives the loss before it and the norm of all gradients together. Where
	// nothing is trained it gives the mean of the result's squares and its norm.
	Measure() (loss, norm float64, err error)
	Tape() *tape.Tape
	Close() error
}

// Build compiles a workload of that size.
func (w Workload) Build(s Size, device tape.Device) (Job, error) {
	switch {
	case w.Forward:
		return newForward(w, s, device)
	case w.Gradients:
		return newDerived(w, s, device)
	}
	return newTrained(w, s, device)
}

// trained is a training step: forward, backward, Adam.
type trained struct{ step *optim.Step }

func newTrained(w Workload, s Size, device tape.Device) (Job, error) {
	b := op.New(G.NewGraph())
	p, err := w.Problem(b, s)
	if err != nil {
		return nil, err
	}
	step, err := optim.NewStep(b, optim.StepConfig{Device: device, Loss: p.Loss, Params: p.Params,
		Optimizer: optim.DefaultAdam, Recompute: w.Recompute})
	if err != nil {
		return nil, err
	}
	if err := step.Set(step.Rate, []float32{learningRate}); err != nil {
		return nil, err
	}
	return &trained{step}, setAll(step.Program, p.Inputs)
}

func setAll(p *graph.Program, inputs []Input) error {
	for _, in := range inputs {
		if err := p.Set(in.Node, in.Data); err != nil {
			return err
		}
	}
	return nil
}

func (t *trained) Step() error      { return t.step.Run() }
func (t *trained) Close() error     { return t.step.Close() }
func (t *trained) Tape() *tape.Tape { return t.step.Tape() }

func (t *trained) Measure() (loss, norm float64, err error) {
	if err := t.step.Run(); err != nil {
		return 0, 0, err
	}
	var l, n [1]float32
	if err := t.step.Get(t.step.Loss, l[:]); err != nil {
		return 0, 0, err
	}
	err = t.step.Get(t.step.Norm, n[:])
	return float64(l[0]), float64(n[0]), err
}

// forward computes a result and trains nothing.
type forward struct {
	*graph.Program
	result *G.Node
}

func newForward(w Workload, s Size, device tape.Device) (Job, error) {
	b := op.New(G.NewGraph())
	p, err := w.Problem(b, s)
	if err == nil {
		err = b.Err()
	}
	if err != nil {
		return nil, err
	}
	program, err := graph.Compile(graph.Config{Device: device, Outputs: G.Nodes{p.Loss}})
	if err != nil {
		return nil, err
	}
	return &forward{program, p.Loss}, setAll(program, p.Inputs)
}

func (f *forward) Step() error { return f.Run() }

func (f *forward) Measure() (mean, norm float64, err error) {
	if err := f.Run(); err != nil {
		return 0, 0, err
	}
	data := make([]float32, f.result.Shape().TotalSize())
	if err := f.Get(f.result, data); err != nil {
		return 0, 0, err
	}
	sum := 0.0
	for _, x := range data {
		sum += float64(x) * float64(x)
	}
	return sum / float64(len(data)), math.Sqrt(sum), nil
}

// derived computes a loss and its gradients, and trains nothing.
type derived struct {
	*graph.Program
	loss      *G.Node
	gradients G.Nodes
}

func newDerived(w Workload, s Size, device tape.Device) (Job, error) {
	b := op.New(G.NewGraph())
	p, err := w.Problem(b, s)
	if err == nil {
		err = b.Err()
	}
	if err != nil {
		return nil, err
	}
	of := p.Params
	if p.Of != nil {
		of = append(of, p.Of)
	}
	gradients, err := G.Grad(p.Loss, of...)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	program, err := graph.Compile(graph.Config{Device: device, Outputs: append(G.Nodes{p.Loss}, gradients...)})
	if err != nil {
		return nil, err
	}
	return &derived{program, p.Loss, gradients}, setAll(program, p.Inputs)
}

func (d *derived) Step() error { return d.Run() }

func (d *derived) Measure() (loss, norm float64, err error) {
	if err := d.Run(); err != nil {
		return 0, 0, err
	}
	sum := 0.0
	for _, g := range d.gradients {
		data := make([]float32, g.Shape().TotalSize())
		if err := d.Get(g, data); err != nil {
			return 0, 0, err
		}
		for _, x := range data {
			sum += float64(x) * float64(x)
		}
	}
	var l [1]float32
	err = d.Get(d.loss, l[:])
	return float64(l[0]), math.Sqrt(sum), err
}
