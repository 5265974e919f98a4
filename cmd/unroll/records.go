package main

import (
	"math"

	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// What a run logs, a JSON object a line: in log.jsonl, and on stdout with --json. Seconds are wall time since the run began, over
// all times that it was continued.

// stepRecord is the event "step": a training step. Loss and GradNorm are of this step, TokensPerSecond is over the steps since the
// record before, without the time for measuring and saving.
type stepRecord struct {
	Event           string       `json:"event"`
	Step            int          `json:"step"`
	Epoch           int          `json:"epoch"`
	Loss            runlog.Float `json:"loss"`
	TokensPerSecond runlog.Float `json:"tokens_per_second"`
	GradNorm        runlog.Float `json:"grad_norm"`
	LR              float64      `json:"lr"`
	PeakMemory      int64        `json:"peak_memory_bytes"` // of the process, resident, so far
	Seconds         float64      `json:"seconds"`
}

// validRecord is the event "valid": the held-out text was measured after a step.
type validRecord struct {
	Event        string       `json:"event"`
	Step         int          `json:"step"`
	Epoch        int          `json:"epoch"`
	Loss         runlog.Float `json:"valid_loss"`
	Perplexity   runlog.Float `json:"perplexity"`
	BitsPerToken runlog.Float `json:"bits_per_token"`
	Accuracy     runlog.Float `json:"accuracy"`
	Top2         runlog.Float `json:"top2"`
	Tokens       int          `json:"tokens"`
	Best         bool         `json:"best"`
	Seconds      float64      `json:"seconds"`
}

// endRecord is one of the events "done", "stopped" and "diverged", the last of a run, or "resumed".
type endRecord struct {
	Event    string        `json:"event"`
	Step     int           `json:"step"`
	Run      string        `json:"run"`
	BestLoss *runlog.Float `json:"best_valid_loss,omitempty"`
	BestStep int           `json:"best_step,omitempty"`
	Why      string        `json:"why,omitempty"`
	Seconds  float64       `json:"seconds"`
}

// metrics are what is said of a measured text.
type metrics struct {
	loss, perplexity, bits, accuracy, top2 float64
	tokens                                 int
}

// metricsOf are the means of sums over at least one token.
func metricsOf(s trainer.Sums) metrics {
	n := float64(s.Count)
	loss := s.NLL / n
	return metrics{
		loss: loss, perplexity: math.Exp(loss), bits: loss / math.Ln2,
		accuracy: float64(s.Correct) / n, top2: float64(s.Top2) / n, tokens: s.Count,
	}
}
