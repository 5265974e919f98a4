package main

import (
	"fmt"
	"strings"

	"github.com/unroll-ml/unroll/trainer"
	scores "github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// What a run logs, a JSON object a line: in log.jsonl, and on stdout with --json. Seconds are wall time since the run began, over
// all times that it was continued.

// stepRecord is the event "step": a training step. TokensPerSecond is over the steps since the record before, without the time for
// measuring and saving: in the log that is the step alone, on stdout it may be several. What else there is is of this step.
type stepRecord struct {
	Event           string       `json:"event"`
	Step            int          `json:"step"`
	Epoch           int          `json:"epoch"`
	Loss            runlog.Float `json:"loss"`
	TokensPerSecond runlog.Float `json:"tokens_per_second"`
	GradNorm        runlog.Float `json:"grad_norm"`
	LR              runlog.Float `json:"lr"`
	Skipped         string       `json:"skipped,omitempty"`  // what was not finite, for which the step was not applied
	Overflow        bool         `json:"overflow,omitempty"` // for the loss was multiplied by too much, which is not counted
	PeakMemory      int64        `json:"peak_memory_bytes"`  // of the process, resident, so far
	Seconds         float64      `json:"seconds"`
}

// validRecord is the event "valid": what was held out was measured after a step. What translations are worth is that of some of the
// pairs.
type validRecord struct {
	Event string       `json:"event"`
	Step  int          `json:"step"`
	Epoch int          `json:"epoch"`
	Loss  runlog.Float `json:"valid_loss"`
	measures
	Best    bool    `json:"best"`
	Seconds float64 `json:"seconds"`
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

// metrics are what is said of measured data.
type metrics struct {
	loss float64 // nats per token, or per example of a classifier
	measures
}

// measures are what is said of measured data, but the loss: those that the task has.
type measures struct {
	Perplexity    *runlog.Float `json:"perplexity,omitempty"`
	BitsPerToken  *runlog.Float `json:"bits_per_token,omitempty"`
	Accuracy      *runlog.Float `json:"accuracy,omitempty"`
	Top2          *runlog.Float `json:"top2,omitempty"`
	ExactMatch    *runlog.Float `json:"exact_match,omitempty"`
	CharErrorRate *runlog.Float `json:"char_error_rate,omitempty"`
	BLEU          *runlog.Float `json:"bleu,omitempty"`
	ChrF          *runlog.Float `json:"chrf,omitempty"`
	Tokens        int           `json:"tokens"`
	Examples      int           `json:"examples,omitempty"`
}

// namedMeasure is a measure with the name that records have for it.
type namedMeasure struct {
	name  string
	value *runlog.Float // nil if the task has none
}

// named are the measures with their names.
func (m *measures) named() []namedMeasure {
	return []namedMeasure{
		{"perplexity", m.Perplexity}, {"bits_per_token", m.BitsPerToken}, {"accuracy", m.Accuracy}, {"top2", m.Top2},
		{"exact_match", m.ExactMatch}, {"char_error_rate", m.CharErrorRate}, {"bleu", m.BLEU}, {"chrf", m.ChrF},
	}
}

func some(x float64) *runlog.Float { return (*runlog.Float)(&x) }

// tokenMetrics are the means of sums over at least one token.
func tokenMetrics(s trainer.Sums) metrics {
	m := exampleMetrics(s)
	m.Perplexity, m.BitsPerToken = some(scores.Perplexity(s.NLL, s.Count)), some(scores.Bits(s.NLL, s.Count))
	m.Tokens, m.Examples = s.Count, 0
	return m
}

// exampleMetrics are the means of sums over at least one example.
func exampleMetrics(s trainer.Sums) metrics {
	known := float64(s.Known())
	return metrics{
		s.NLL / float64(s.Count),
		measures{Accuracy: some(float64(s.Correct) / known), Top2: some(float64(s.Top2) / known), Examples: s.Count},
	}
}

// further are the measures that only eval says in words.
func (m *measures) further() string {
	var b strings.Builder
	for _, f := range []struct {
		format string
		x      *runlog.Float
		scale  float64
	}{
		{"  in the two likeliest %.2f%%", m.Top2, 100},
		{"\ncharacter errors %.2f%%", m.CharErrorRate, 100}, {"  BLEU %.2f", m.BLEU, 1}, {"  chrF %.2f", m.ChrF, 1},
	} {
		if f.x != nil {
			fmt.Fprintf(&b, f.format, f.scale*float64(*f.x))
		}
	}
	return b.String()
}

// words say the measures in one line, with so many digits of perplexity and bits, and of percentages.
func (m *measures) words(digits, percent int) string {
	var b strings.Builder
	say := func(format string, digits int, x *runlog.Float, scale float64) {
		if x != nil {
			fmt.Fprintf(&b, format, digits, scale*float64(*x))
		}
	}
	say("  perplexity %.*f", digits, m.Perplexity, 1)
	say("  %.*f bits", digits, m.BitsPerToken, 1)
	say("  accuracy %.*f%%", percent, m.Accuracy, 100)
	say("  exactly right %.*f%%", percent, m.ExactMatch, 100)
	return b.String()
}
