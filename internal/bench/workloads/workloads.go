// Package workloads is what measurements measure: training steps of reference models, with their sizes, their
// inputs and how much arithmetic they need. bench/peers runs them beside other systems, package side on one
// device beside another.
//
// It must not know how anything is timed.
package workloads

import "github.com/unroll-ml/unroll/graph/op"

// Workload is a training step, or something else that is computed again and again.
type Workload struct {
	Name, What string
	Full, Tiny Size // Tiny is for tests
	Forward    bool // compute the result only: there is nothing to train
	Gradients  bool // compute the loss and its gradients only: nothing is trained
	Recompute  int  // see graph.Config
	Problem    func(*op.Builder, Size) (*Problem, error)
	FLOP       func(Size) float64 // of the products of a step: what is necessary, not what a system computes
}

// The reference workloads.
var (
	LSTM = Workload{
		Name: "lstm", What: "character model, 2 layers of LSTM",
		Full:    Size{Batch: 50, Steps: 50, In: 65, Hidden: 512, Layers: 2},
		Tiny:    Size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2},
		Problem: languageModel("lstm"), FLOP: stacked(4, true),
	}
	Coupled = Workload{
		Name: "coupled", What: "character model, 2 layers of a user's own cell: LSTM with i = 1 - f",
		Full:    Size{Batch: 50, Steps: 50, In: 65, Hidden: 512, Layers: 2},
		Tiny:    Size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2},
		Problem: coupledModel, FLOP: stacked(3, true),
	}
	RNN = Workload{
		Name: "rnn", What: "character model, 1 layer of tanh RNN",
		Full:    Size{Batch: 50, Steps: 50, In: 65, Hidden: 256, Layers: 1},
		Tiny:    Size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 1},
		Problem: languageModel("rnn"), FLOP: stacked(1, true),
	}
	Rows = Workload{
		Name: "rows", What: "images row by row, 2 layers of tanh RNN",
		Full:    Size{Batch: 64, Steps: 28, In: 28, Hidden: 256, Layers: 2, Target: 10},
		Tiny:    Size{Batch: 3, Steps: 4, In: 7, Hidden: 6, Layers: 2, Target: 5},
		Problem: pixelRows, FLOP: stacked(1, false),
	}
	Seq2SeqGRU = Workload{
		Name: "seq2seq-gru", What: "translation with additive attention, GRU",
		Full:    Size{Batch: 128, Steps: 24, In: 256, Hidden: 512, Layers: 1, Source: 8000, Target: 6000},
		Tiny:    Size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1, Source: 11, Target: 9},
		Problem: seq2seq("gru"), FLOP: attended(3),
	}
	Seq2SeqLSTM = Workload{
		Name: "seq2seq-lstm", What: "translation with additive attention, LSTM",
		Full:    Size{Batch: 128, Steps: 24, In: 256, Hidden: 512, Layers: 1, Source: 8000, Target: 6000},
		Tiny:    Size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1, Source: 11, Target: 9},
		Problem: seq2seq("lstm"), FLOP: attended(4),
	}
)

// Reference lists them.
var Reference = []Workload{LSTM, Coupled, RNN, Rows, Seq2SeqGRU, Seq2SeqLSTM}

// What the compiler and the device are to be measured by beside them.
var (
	Forecast = Workload{
		Name: "forecast", What: "forecasts of 48 hours from a week, hour by hour, 2 layers of GRU, absolute error",
		Full:    Size{Batch: 256, Steps: 168, In: 2, Hidden: 128, Layers: 2, Target: 48},
		Tiny:    Size{Batch: 3, Steps: 4, In: 2, Hidden: 6, Layers: 2, Target: 5},
		Problem: forecaster("gru"), FLOP: stacked(3, false),
	}
	Long = Workload{
		Name: "long", What: "character model, 1 layer of LSTM, 4,096 steps of which every 64th state is kept",
		Full:      Size{Batch: 16, Steps: 4096, In: 65, Hidden: 256, Layers: 1},
		Tiny:      Size{Batch: 3, Steps: 12, In: 7, Hidden: 6, Layers: 1},
		Recompute: 64, Problem: languageModel("lstm"), FLOP: stacked(4, true),
	}
	LayersLSTM = Workload{
		Name: "layers-lstm", What: "2 layers of LSTM and their gradients, nothing trained",
		Full:      Size{Batch: 50, Steps: 50, In: 512, Hidden: 512, Layers: 2},
		Tiny:      Size{Batch: 3, Steps: 4, In: 6, Hidden: 6, Layers: 2},
		Gradients: true, Problem: layers("lstm"), FLOP: layered(4),
	}
	LayersGRU = Workload{
		Name: "layers-gru", What: "1 layer of GRU and its gradients, nothing trained",
		Full:      Size{Batch: 128, Steps: 24, In: 256, Hidden: 512, Layers: 1},
		Tiny:      Size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1},
		Gradients: true, Problem: layers("gru"), FLOP: layered(3),
	}
	LayersRNN = Workload{
		Name: "layers-rnn", What: "2 layers of tanh RNN and their gradients, nothing trained",
		Full:      Size{Batch: 64, Steps: 28, In: 256, Hidden: 256, Layers: 2},
		Tiny:      Size{Batch: 3, Steps: 4, In: 6, Hidden: 6, Layers: 2},
		Gradients: true, Problem: layers("rnn"), FLOP: layered(1),
	}
	Products = Workload{
		Name: "products", What: "50×512×2048 again and again with the same weights, nothing trained",
		Full:    Size{Batch: 50, Steps: 50, Hidden: 512},
		Tiny:    Size{Batch: 3, Steps: 4, Hidden: 6},
		Forward: true, Problem: products,
		FLOP: func(s Size) float64 { return 2 * float64(s.Steps*s.Batch*s.Hidden*4*s.Hidden) },
	}
)
