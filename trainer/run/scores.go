package run

import (
	"math"
	"slices"

	"github.com/unroll-ml/unroll/trainer/runlog"
)

// LossScore is the name of the validation loss among TaskScores.
const LossScore = "loss"

// TaskScores are what Training.Best may name: the loss, and the measures of a task.
var TaskScores = map[string][]string{
	TaskLM:       {LossScore, "perplexity", "bits_per_token", "accuracy", "top2"},
	TaskClassify: {LossScore, "accuracy", "top2", "macro_f1"},
	TaskOwn:      {LossScore, "perplexity", "bits_per_token", "accuracy", "top2", "exact_match", "char_error_rate", "bleu", "chrf"},
	TaskSeq2Seq:  {LossScore, "perplexity", "bits_per_token", "accuracy", "top2", "exact_match", "char_error_rate", "bleu", "chrf"},
}

// undefinedScore is that of a measure that could not be had.
const undefinedScore = math.MaxFloat64

// lowerIsBetter says so of a score.
func lowerIsBetter(score string) bool {
	return slices.Contains([]string{LossScore, "perplexity", "bits_per_token", "char_error_rate"}, score)
}

// score is a measure by its name. The smaller it is the better: it is negated if more is better. One that is undefined is worse than any.
func (m *Metrics) score(name string) float64 {
	x := runlog.Float(m.Loss)
	for _, f := range m.named() {
		if f.name == name && f.value != nil {
			x = *f.value
		}
	}
	switch {
	case math.IsNaN(float64(x)):
		return undefinedScore
	case lowerIsBetter(name):
		return float64(x)
	}
	return -float64(x)
}
