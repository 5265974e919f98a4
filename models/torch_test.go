package models_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// golden is a file that PyTorch wrote, by the names of its tensors: param.*, input.*, output.*, grad.param.*
// and grad.input.*; see testdata/pytorch.py.
type golden map[string]checkpoint.Tensor

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := checkpoint.ReadTensors(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	g := golden{}
	for _, x := range tensors {
		g[x.Name] = x
	}
	return g
}

// arithmetic is a way to compute: a device, with the program as it was lowered or optimised, and an element type.
type arithmetic struct {
	device tape.Device
	plain  bool
	dtype  tensor.Dtype
}

var arithmetics = []arithmetic{{ref.New(), true, tensor.Float64}, {cpu.New(), false, tensor.Float64},
	{cpu.New(), false, tensor.Float32}}

// tolerance is how far results may be from PyTorch's in float64, as a part of the largest element of a tensor.
func (a arithmetic) tolerance() float64 {
	if a.dtype == tensor.Float32 {
		return 1e-5
	}
	return 1e-10
}

// replay is a model that is built anew for a golden file.
type replay struct {
	t     *testing.T
	want  golden
	b     *op.Builder
	p     *models.Params
	dtype tensor.Dtype
	nodes map[string]*G.Node // by the file's names
}

// torchModel declares the model of a case of testdata/pytorch.py and gives its outputs, the scalar loss among them.
type torchModel func(r *replay) map[string]*G.Node

// torchModels are the cases of testdata/pytorch.py.
func torchModels() map[string]torchModel {
	all := recurrentTorchModels()
	maps.Copy(all, attentionTorchModels())
	maps.Copy(all, softmaxTorchModels())
	return all
}

func newReplay(t *testing.T, want golden, dtype tensor.Dtype) *replay {
	b := op.New(G.NewGraph())
	return &replay{t, want, b, models.NewParams(b, dtype, 3), dtype, map[string]*G.Node{}}
}

// shape is that of a tensor of the file.
func (r *replay) shape(name string) []int {
	r.t.Helper()
	x, ok := r.want[name]
	if !ok {
		r.t.Fatalf("the file has no %s", name)
	}
	return x.Shape
}

// input declares the input of a name.
func (r *replay) input(name string) *G.Node {
	r.t.Helper()
	name = "input." + name
	shape, dtype := r.shape(name), r.dtype
	if _, ok := r.want[name].Data.([]int32); ok {
		dtype = tensor.Int32
	}
	n := G.NewTensor(r.b.Graph(), dtype, len(shape), G.WithShape(shape...), G.WithName(name))
	r.nodes[name] = n
	return n
}

// declare builds a model and the derivatives of its loss by all parameters and by all inputs that are not integers.
func (r *replay) declare(model torchModel) {
	r.t.Helper()
	outputs := model(r)
	if r.b.Err() != nil {
		r.t.Fatal(r.b.Err())
	}
	for _, n := range r.p.Nodes() {
		r.nodes["param."+n.Name()] = n
	}
	var names []string
	var wrt G.Nodes
	for name, n := range r.nodes {
		if n.Dtype() != tensor.Int32 {
			names, wrt = append(names, name), append(wrt, n)
		}
	}
	grads, err := G.Grad(outputs["loss"], wrt...)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, name := range names {
		r.nodes["grad."+name] = grads[i]
	}
	for name, n := range outputs {
		r.nodes["output."+name] = n
	}
}

// check compares all outputs and derivatives with the file's, which must hold these and nothing else.
func (r *replay) check(a arithmetic) {
	r.t.Helper()
	names := slices.Sorted(maps.Keys(r.nodes))
	if of := slices.Sorted(maps.Keys(r.want)); !slices.Equal(names, of) {
		r.t.Fatalf("the model has\n%v, the file\n%v", names, of)
	}
	var given, results []string
	var nodes G.Nodes
	for _, name := range names {
		if n := r.nodes[name]; !slices.Equal(n.Shape(), r.want[name].Shape) {
			r.t.Errorf("%s has the shape %v, in the file %v", name, n.Shape(), r.want[name].Shape)
		}
		if strings.HasPrefix(name, "param.") || strings.HasPrefix(name, "input.") {
			given = append(given, name)
		} else {
			results, nodes = append(results, name), append(nodes, r.nodes[name])
		}
	}
	if r.t.Failed() {
		return
	}
	p, err := graph.Compile(graph.Config{Device: a.device, Outputs: nodes, Plain: a.plain})
	if err != nil {
		r.t.Fatal(err)
	}
	defer p.Close()
	for _, name := range given {
		if err := p.Set(r.nodes[name], in(a.dtype, r.want[name].Data)); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := p.Run(); err != nil {
		r.t.Fatal(err)
	}
	for _, name := range results {
		want := r.want[name].Data.([]float64)
		got, err := read(p, r.nodes[name])
		if err != nil {
			r.t.Fatal(err)
		}
		largest, worst, at := 0.0, 0.0, 0
		for i, w := range want {
			largest = max(largest, math.Abs(w))
			if d := math.Abs(got[i] - w); !(d <= worst) { // true for NaN
				worst, at = d, i
			}
		}
		if largest == 0 || !(worst <= a.tolerance()*largest) {
			r.t.Errorf("%s: number %d of %d is %v, PyTorch has %v; the largest is %v", name, at, len(want), got[at],
				want[at], largest)
		}
	}
}

// in is data in the given element type; integers remain integers.
func in(dtype tensor.Dtype, data any) any {
	x, ok := data.([]float64)
	if !ok || dtype == tensor.Float64 {
		return data
	}
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return y
}

// read is the value of an output, in float64.
func read(p *graph.Program, n *G.Node) ([]float64, error) {
	x := make([]float64, n.Shape().TotalSize())
	if n.Dtype() == tensor.Float64 {
		return x, p.Get(n, x)
	}
	y := make([]float32, len(x))
	err := p.Get(n, y)
	for i := range y {
		x[i] = float64(y[i])
	}
	return x, err
}

// TestPyTorch holds recurrent layers and attention against PyTorch: outputs, last states, losses, and the
// derivatives by every parameter and input, from parameters set by PyTorch's names.
func TestPyTorch(t *testing.T) {
	all := torchModels()
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".safetensors")
		model, ok := all[name]
		if !ok {
			t.Errorf("no model is declared for %s", path)
			continue
		}
		delete(all, name)
		for _, a := range arithmetics {
			t.Run(fmt.Sprintf("%s/%s/%v", name, a.device.Name(), a.dtype), func(t *testing.T) {
				t.Parallel()
				r := newReplay(t, readGolden(t, path), a.dtype)
				r.declare(model)
				r.check(a)
			})
		}
	}
	for name := range all {
		t.Errorf("testdata has no file for %s", name)
	}
}
