package main

import (
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/bench/fma"
)

// field is all processes that take part, and why others do not.
type field struct {
	unroll, stock, torch, oneDNN, onnx *process
	noTorch, noOneDNN, noONNX          string
	path                               string // the CPU device's instructions
	folder                             string // for parameters and inputs
}

func newField(log io.Writer) (*field, error) {
	f := &field{}
	var err error
	if f.path, err = cpu.Path(); err != nil {
		return nil, err
	}
	if f.folder, err = os.MkdirTemp("", "peers"); err != nil {
		return nil, errors.WithStack(err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, p := range []**process{&f.unroll, &f.stock} {
		if *p, err = start(exec.Command(self, contenderArgument), log); err != nil {
			f.close()
			return nil, err
		}
	}
	if f.torch, err = startTorch(f.folder, log); err != nil {
		f.noTorch = err.Error()
	}
	if f.oneDNN, err = startOneDNN(f.folder, log); err != nil {
		f.noOneDNN = err.Error()
	}
	if f.onnx, err = startONNX(f.folder, log); err != nil {
		f.noONNX = err.Error()
	}
	return f, nil
}

func (f *field) close() {
	for _, p := range []*process{f.unroll, f.stock, f.torch, f.oneDNN, f.onnx} {
		if p != nil {
			p.close()
		}
	}
	os.RemoveAll(f.folder)
}

// entry is one way to compute a workload.
type entry struct {
	name, form string
	process    *process
	turns      []float64 // the median time of a step in each round, ms
	all        []float64 // the times of all steps, ms
	cpu        float64   // ms of processor time, of all threads and steps; 0: unknown
}

// entries are who takes part in a workload, unroll first.
func (f *field) entries(w workload) []*entry {
	es := []*entry{{name: "unroll", process: f.unroll}}
	if w.stock {
		es = append(es, &entry{name: "stock Gorgonia", form: "stock", process: f.stock})
	}
	if w.fused && f.oneDNN != nil {
		es = append(es, &entry{name: f.oneDNN.version, process: f.oneDNN})
	}
	if w.onnx && f.onnx != nil {
		es = append(es, &entry{name: f.onnx.version, process: f.onnx})
	}
	for _, form := range w.torch {
		if f.torch != nil {
			es = append(es, &entry{name: f.torch.version + ", " + form, form: form, process: f.torch})
		}
	}
	return es
}

// measure compares the contenders of one workload.
func (f *field) measure(w workload, threads int, o options) (*table, error) {
	file := filepath.Join(f.folder, w.Name)
	if !w.stock { // whose contenders draw the same numbers by themselves
		if err := write(file, w, o.sizeOf(w)); err != nil {
			return nil, err
		}
		defer os.Remove(file + onnxFile) // most workloads have none
		defer os.Remove(file)
	}
	es := f.entries(w)
	defer func() {
		for _, e := range es {
			e.process.ask(request{Do: "clear"}) // a process that is gone is found by the next request
		}
	}()
	for _, e := range es {
		if _, err := e.process.ask(request{Do: "build", Workload: w.Name, Form: e.form, Threads: threads,
			File: file}); err != nil {
			return nil, errors.Wrap(err, e.name)
		}
	}
	t := &table{Workload: w.Name, What: w.What, Threads: threads, GFLOP: w.FLOP(o.sizeOf(w)) / 1e9, path: f.path}
	if len(w.torch) > 0 {
		t.NoTorch = f.noTorch
	}
	if w.fused {
		t.NoOneDNN = f.noOneDNN
	}
	if w.onnx {
		t.NoONNX = f.noONNX
	}
	if err := warm(es, o.check); err != nil {
		return nil, err
	}
	load := newLoad(es)
	for range o.rounds {
		t.Peak = max(t.Peak, fma.Peak(f.path, threads, 20*time.Millisecond))
		for _, e := range es {
			if err := e.turn(o.seconds); err != nil {
				return nil, err
			}
		}
	}
	t.Others = load.others()
	t.fill(es)
	return t, nil
}

// turn lets a contender compute for a while.
func (e *entry) turn(seconds float64) error {
	before := cpuTime(e.process.command.Process.Pid)
	r, err := e.process.ask(request{Do: "run", Form: e.form, Seconds: seconds})
	if err != nil {
		return errors.Wrap(err, e.name)
	}
	e.cpu += cpuTime(e.process.command.Process.Pid) - before
	e.all = append(e.all, r.MS...)
	e.turns = append(e.turns, median(r.MS))
	return nil
}

// Contenders agree if their losses and norms differ by no more than this, relatively: at first, and after steps
// of Adam, which magnifies what rounding leaves of gradients that are 0.
const (
	agreeAtFirst = 1e-4
	agreeLater   = 1e-3
)

// warm runs a few steps of all contenders, which must give the same numbers.
func warm(es []*entry, check bool) error {
	for k := range 3 {
		within := agreeLater
		if k == 0 {
			within = agreeAtFirst
		}
		var first reply
		for i, e := range es {
			r, err := e.process.ask(request{Do: "step", Form: e.form})
			if err != nil {
				return errors.Wrap(err, e.name)
			}
			if i == 0 {
				first = r
			}
			if check && (!near(r.Loss, first.Loss, within) || !near(r.Norm, first.Norm, within)) {
				return errors.Errorf("step %d: loss %g and norm of gradients %g with unroll, %g and %g with %s",
					k, first.Loss, first.Norm, r.Loss, r.Norm, e.name)
			}
		}
	}
	return nil
}

// near says whether two numbers differ by no more than a part of them; NaN is near nothing.
func near(a, b, within float64) bool { return math.Abs(a-b) <= within*math.Abs(b) }

func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
