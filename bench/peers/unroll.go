package main

import (
	"io"
	"os"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/recurrence"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// contender computes one workload, again and again.
type contender interface {
	Step() error
	// Measure is a Step that also gives the loss before it and the norm of all gradients together. Where
	// nothing is trained it gives the mean of the result's squares and its norm.
	Measure() (loss, norm float64, err error)
	Close() error
}

// build builds what the Go side of a workload computes.
func build(w workload, s workloads.Size, form string, device tape.Device) (contender, error) {
	switch {
	case w.decode != nil:
		return w.decode(s, device)
	case w.stock && form == "stock":
		return recurrence.NewStock(stockSize(s))
	case w.stock:
		return recurrence.NewScanned(stockSize(s), device)
	}
	return w.Build(s, device)
}

func stockSize(s workloads.Size) recurrence.Size {
	return recurrence.Size{Steps: s.Steps, Batch: s.Batch, In: s.In, Hidden: s.Hidden}
}

// deviceOf is the device of a run.
func deviceOf(threads int) tape.Device { return cpu.New(cpu.Threads(threads)) }

// write writes the parameters and inputs of a workload, as they are before the first step, to a safetensors
// file: all that another contender needs to compute the same. The names of inputs begin with "in/". Beside it a model
// lies as an ONNX file if onnxruntime computes it.
func write(path string, w workload, s workloads.Size) error {
	if w.decode != nil {
		return writeDecoder(path, w, s)
	}
	ts, err := tensorsOf(w, s)
	if err != nil {
		return err
	}
	return writeTensors(path, ts)
}

func writeDecoder(path string, w workload, s workloads.Size) error {
	d, err := w.decode(s, deviceOf(1))
	if err != nil {
		return err
	}
	defer d.Close()
	ts, err := d.tensors()
	if err == nil {
		err = writeTensors(path, ts)
	}
	if err == nil && w.onnx {
		err = toFile(path+onnxFile, d.(exporter).export)
	}
	return err
}

func writeTensors(path string, ts []checkpoint.Tensor) error {
	return toFile(path, func(to io.Writer) error { return checkpoint.WriteTensors(to, ts) })
}

func toFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return errors.WithStack(err)
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return errors.WithStack(f.Close())
}

func tensorsOf(w workload, s workloads.Size) (ts []checkpoint.Tensor, err error) {
	b := op.New(G.NewGraph())
	p, err := w.Problem(b, s)
	if err == nil {
		err = b.Err()
	}
	if err != nil {
		return nil, err
	}
	for _, n := range p.Params {
		ts = append(ts, checkpoint.Tensor{Name: n.Name(), Shape: n.Shape(), Data: n.Value().Data()})
	}
	for _, in := range p.Inputs {
		ts = append(ts, checkpoint.Tensor{Name: "in/" + in.Node.Name(), Shape: in.Node.Shape(), Data: in.Data})
	}
	return ts, nil
}
