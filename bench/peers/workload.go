package main

import (
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
)

// workload is something that several systems compute.
type workload struct {
	workloads.Workload
	torch []string // the forms in which PyTorch computes it: see torch.py
	stock bool     // Gorgonia computes it: the workload is that of package recurrence
	fused bool     // oneDNN has a primitive for it
	onnx  bool     // onnxruntime computes it: what decode gives is an exporter

	decode func(workloads.Size, tape.Device) (decoder, error) // a model in use; nil: Workload has a problem
}

// list are the reference workloads, and what the compiler and the device are to be measured by beside them.
var list = []workload{
	{Workload: workloads.LSTM, torch: []string{"nn", "steps"}},
	{Workload: workloads.RNN, torch: []string{"nn", "steps"}},
	{Workload: workloads.Rows, torch: []string{"nn"}},
	{Workload: workloads.Seq2SeqGRU, torch: []string{"hoisted", "literal"}},
	{Workload: workloads.Seq2SeqLSTM, torch: []string{"hoisted", "literal"}},
	{stock: true, Workload: workloads.Workload{
		Name: "stock", What: "1 layer of LSTM, squared loss, as Gorgonia's users write it",
		Full: workloads.Size{Batch: 16, Steps: 64, In: 96, Hidden: 96, Layers: 1},
		Tiny: workloads.Size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 1},
		FLOP: func(s workloads.Size) float64 { // without the gradient of the input, which nothing needs
			return 2 * float64(s.Batch*s.Steps*4*s.Hidden) * float64(2*s.In+3*s.Hidden)
		},
	}},
	{Workload: workloads.Forecast, torch: []string{"nn"}},
	{Workload: workloads.Products, torch: []string{"mm"}},
	{Workload: workloads.LayersLSTM, torch: []string{"nn"}, fused: true},
	{Workload: workloads.LayersGRU, torch: []string{"nn"}, fused: true},
	{Workload: workloads.LayersRNN, torch: []string{"nn"}, fused: true},
	{Workload: workloads.Coupled, torch: []string{"steps", "scripted"}},
	{Workload: workloads.Long, torch: []string{"nn", "checkpointed"}},
	sampled,
	translated("translate", "translation of 64 sentences, the likeliest words", 1),
	translated("beam", "translation of 64 sentences with a beam of 5", 5),
}

// find is the workload of that name.
func find(name string) (workload, error) {
	var names []string
	for _, w := range list {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return workload{}, errors.Errorf("there is no workload %q; the workloads are %s", name, strings.Join(names, ", "))
}
