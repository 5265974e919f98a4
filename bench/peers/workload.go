package main

import (
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/op"
)

// workload is something that several systems compute.
type workload struct {
	name, what string
	full, tiny size // tiny is for tests
	forward    bool // compute the result only: there is nothing to train
	problem    func(*op.Builder, size) (*problem, error)
	torch      []string // the forms in which PyTorch computes it: see torch.py
	stock      bool     // Gorgonia computes it: the workload is that of package recurrence
	flop       func(size) float64
}

// workloads are the reference workloads, and what the compiler and the device are to be measured by beside them.
var workloads = []workload{
	{
		name: "lstm", what: "character model, 2 layers of LSTM",
		full:    size{Batch: 50, Steps: 50, In: 65, Hidden: 512, Layers: 2},
		tiny:    size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2},
		problem: languageModel("lstm"), torch: []string{"nn", "steps"}, flop: stacked(4, true),
	}, {
		name: "rnn", what: "character model, 1 layer of tanh RNN",
		full:    size{Batch: 50, Steps: 50, In: 65, Hidden: 256, Layers: 1},
		tiny:    size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 1},
		problem: languageModel("rnn"), torch: []string{"nn", "steps"}, flop: stacked(1, true),
	}, {
		name: "rows", what: "images row by row, 2 layers of tanh RNN",
		full:    size{Batch: 64, Steps: 28, In: 28, Hidden: 256, Layers: 2, Target: 10},
		tiny:    size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2, Target: 5},
		problem: pixelRows, torch: []string{"nn"}, flop: stacked(1, false),
	}, {
		name: "seq2seq-gru", what: "translation with additive attention, GRU",
		full:    size{Batch: 128, Steps: 24, In: 256, Hidden: 512, Layers: 1, Source: 8000, Target: 6000},
		tiny:    size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1, Source: 11, Target: 9},
		problem: seq2seq("gru"), torch: []string{"hoisted", "literal"}, flop: attended(3),
	}, {
		name: "seq2seq-lstm", what: "translation with additive attention, LSTM",
		full:    size{Batch: 128, Steps: 24, In: 256, Hidden: 512, Layers: 1, Source: 8000, Target: 6000},
		tiny:    size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1, Source: 11, Target: 9},
		problem: seq2seq("lstm"), torch: []string{"hoisted", "literal"}, flop: attended(4),
	}, {
		name: "stock", what: "1 layer of LSTM, squared loss, as Gorgonia's users write it",
		full:  size{Batch: 16, Steps: 64, In: 96, Hidden: 96, Layers: 1},
		tiny:  size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 1},
		stock: true,
		flop: func(s size) float64 { // without the gradient of the input, which nothing needs
			return 2 * float64(s.Batch*s.Steps*4*s.Hidden) * float64(2*s.In+3*s.Hidden)
		},
	}, {
		name: "products", what: "50×512×2048 again and again with the same weights, nothing trained",
		full:    size{Batch: 50, Steps: 50, Hidden: 512},
		tiny:    size{Batch: 3, Steps: 4, Hidden: 6},
		forward: true,
		problem: products, torch: []string{"mm"},
		flop: func(s size) float64 { return 2 * float64(s.Steps*s.Batch*s.Hidden*4*s.Hidden) },
	}, {
		name: "coupled", what: "character model, 2 layers of a user's own cell: LSTM with i = 1 - f",
		full:    size{Batch: 50, Steps: 50, In: 65, Hidden: 512, Layers: 2},
		tiny:    size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2},
		problem: coupledModel, torch: []string{"steps", "scripted"}, flop: stacked(3, true),
	},
}

// stacked counts the products of a training step of recurrent layers, with the given number of gates, below a linear one: what has
// to be computed, whoever does more. Tokens are looked up, not multiplied.
func stacked(gates int, tokens bool) func(size) float64 {
	return func(s size) float64 {
		rows, h := float64(s.Batch*s.Steps), float64(s.Hidden)
		flop := 2 * rows * float64(gates) * h * 3 * h * float64(2*s.Layers-1) // h·U of all layers, x·W of all but the first: value and two gradients
		if tokens {
			return flop + 3*2*rows*h*float64(s.In)
		}
		return flop + 2*2*rows*float64(gates)*h*float64(s.In) + 3*2*float64(s.Batch)*h*float64(s.Target)
	}
}

// attended counts the products of a training step of seq2seq, with all that does not depend on the decoder's state done once.
func attended(gates int) func(size) float64 {
	return func(s size) float64 {
		b, l, e, h := float64(s.Batch), float64(s.Steps), float64(s.In), float64(s.Hidden)
		g, t, v := float64(gates)*h, float64(s.Steps-1), float64(s.Target)
		encoder := 2*b*l*(e+h)*g*2 + 2*b*2*h*h
		attention := 2*b*l*2*h*h + 2*b*t*h*h + 2*b*t*l*h + 2*b*t*l*2*h
		decoder := 2 * b * t * (2*h + e + h) * g
		output := 2 * b * t * (3*h + e) * v
		return 3 * (encoder + attention + decoder + output)
	}
}

// find is the workload of that name.
func find(name string) (workload, error) {
	var names []string
	for _, w := range workloads {
		if w.name == name {
			return w, nil
		}
		names = append(names, w.name)
	}
	return workload{}, errors.Errorf("there is no workload %q; the workloads are %s", name, strings.Join(names, ", "))
}
