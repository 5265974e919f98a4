package main

import (
	"math"
	"os"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/bench/recurrence"
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

const learningRate = 1e-3

// contender computes one workload, again and again.
type contender interface {
	Step() error
	// Measure is a Step that also gives the loss before it and the norm of all gradients together. Where nothing is trained it
	// gives the mean of the result's squares and its norm.
	Measure() (loss, norm float64, err error)
	Close() error
}

// build builds what the Go side of a workload computes.
func build(w workload, s size, form string, device tape.Device) (contender, error) {
	switch {
	case w.stock && form == "stock":
		return recurrence.NewStock(stockSize(s))
	case w.stock:
		return recurrence.NewScanned(stockSize(s), device)
	case w.forward:
		return newForward(w, s, device)
	}
	return newTrained(w, s, device)
}

func stockSize(s size) recurrence.Size {
	return recurrence.Size{Steps: s.Steps, Batch: s.Batch, In: s.In, Hidden: s.Hidden}
}

// deviceOf is the device of a run.
func deviceOf(threads int) tape.Device { return cpu.New(cpu.Threads(threads)) }

// trained is a training step: forward, backward, Adam.
type trained struct{ step *trainer.Step }

func newTrained(w workload, s size, device tape.Device) (contender, error) {
	b := op.New(G.NewGraph())
	p, err := w.problem(b, s)
	if err != nil {
		return nil, err
	}
	step, err := trainer.NewStep(b, trainer.StepConfig{Device: device, Loss: p.loss, Params: p.params, Optimizer: trainer.DefaultAdam})
	if err != nil {
		return nil, err
	}
	if err := step.Set(step.Rate, []float32{learningRate}); err != nil {
		return nil, err
	}
	return &trained{step}, setAll(step.Program, p.inputs)
}

func setAll(p *graph.Program, inputs []input) error {
	for _, in := range inputs {
		if err := p.Set(in.node, in.data); err != nil {
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

func newForward(w workload, s size, device tape.Device) (contender, error) {
	b := op.New(G.NewGraph())
	p, err := w.problem(b, s)
	if err == nil {
		err = b.Err()
	}
	if err != nil {
		return nil, err
	}
	program, err := graph.Compile(graph.Config{Device: device, Outputs: G.Nodes{p.loss}})
	if err != nil {
		return nil, err
	}
	return &forward{program, p.loss}, setAll(program, p.inputs)
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

// write writes the parameters and inputs of a workload, as they are before the first step, to a safetensors file: all that another
// contender needs to compute the same. The names of inputs begin with "in/".
func write(path string, w workload, s size) error {
	b := op.New(G.NewGraph())
	p, err := w.problem(b, s)
	if err == nil {
		err = b.Err()
	}
	if err != nil {
		return err
	}
	var ts []checkpoint.Tensor
	for _, n := range p.params {
		ts = append(ts, checkpoint.Tensor{Name: n.Name(), Shape: n.Shape(), Data: n.Value().Data()})
	}
	for _, in := range p.inputs {
		ts = append(ts, checkpoint.Tensor{Name: "in/" + in.node.Name(), Shape: in.node.Shape(), Data: in.data})
	}
	f, err := os.Create(path)
	if err != nil {
		return errors.WithStack(err)
	}
	if err := checkpoint.WriteTensors(f, ts); err != nil {
		f.Close()
		return err
	}
	return errors.WithStack(f.Close())
}
