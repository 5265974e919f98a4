package main

import (
	"slices"

	"github.com/unroll-ml/unroll/trainer/runlog"
)

const lossScore = "loss"

// taskScores are what --best may name: the loss, and the measures of a task.
var taskScores = map[string][]string{
	taskLM:       {lossScore, "perplexity", "bits_per_token", "accuracy", "top2"},
	taskClassify: {lossScore, "accuracy", "top2"},
	taskSeq2Seq:  {lossScore, "perplexity", "bits_per_token", "accuracy", "top2", "exact_match", "char_error_rate", "bleu", "chrf"},
}

// lowerIsBetter says so of a score.
func lowerIsBetter(score string) bool {
	return slices.Contains([]string{lossScore, "perplexity", "bits_per_token", "char_error_rate"}, score)
}

// score is a measure by its name. The smaller it is the better: it is negated if more is better.
func (m *metrics) score(name string) float64 {
	x := runlog.Float(m.loss)
	for _, f := range m.named() {
		if f.name == name && f.value != nil {
			x = *f.value
		}
	}
	if lowerIsBetter(name) {
		return float64(x)
	}
	return -float64(x)
}
