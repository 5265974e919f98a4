package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
)

// What Model.Softmax may name.
const (
	FullSoftmax     = "full"
	AdaptiveSoftmax = "adaptive"
	SampledSoftmax  = "sampled"
)

// Softmaxes are all of them; a model of few tokens has the first, as one has whose Softmax is "".
var Softmaxes = []string{FullSoftmax, AdaptiveSoftmax, SampledSoftmax}

// DefaultSamples is how many tokens stand for all others in a sampled softmax: half the tokens if those are fewer.
const DefaultSamples = 1024

// softmax is that of the model; a full one as long as the data have not said what they must.
func (m *Model) softmax() models.Softmax {
	return models.Softmax{Cutoffs: m.Cutoffs, Samples: m.Samples}
}

// checkSoftmax says what is wrong with what is said of the softmax, but for what package models knows.
func (c *Config) checkSoftmax() error {
	m := &c.Model
	switch {
	case m.Softmax != "" && !slices.Contains(Softmaxes, m.Softmax):
		return settings("`softmax` is %q: it must be one of %s", m.Softmax, strings.Join(Softmaxes, ", "))
	case m.Softmax != AdaptiveSoftmax && len(m.Cutoffs) > 0:
		return settings("`cutoffs` are for `softmax` adaptive: leave one of them out")
	case m.Softmax != SampledSoftmax && m.Samples != 0:
		return settings("`softmax_samples` is for `softmax` sampled: leave one of them out")
	case m.Samples < 0:
		return settings("`softmax_samples` is %d: it must be at least 1", m.Samples)
	case m.Softmax == "" || m.Softmax == FullSoftmax:
		return nil
	case c.Task != TaskLM && c.Task != TaskSeq2Seq:
		return settings("`softmax` %s is for models that write texts, and this is %s: leave it out", m.Softmax,
			TaskName(c.Task))
	case m.tokenKind() == datasets.Char:
		return settings("`softmax` %s is for tokens that are numbered by how often they occur, and characters are not, of "+
			"which there are few: leave it out, or choose `tokens` word or bpe", m.Softmax)
	case c.Training.Smoothing != 0:
		return settings("`label_smoothing` needs all tokens at every step, which `softmax` %s saves: leave one of them out",
			m.Softmax)
	}
	return nil
}

// completeSoftmax writes into the config what its softmax takes from the data: how often each of the tokens occurs
// that the model writes. targets is how many of them a step has.
func (c *Config) completeSoftmax(vocab, targets int, count func() ([]int, error)) error {
	m := &c.Model
	switch {
	case m.Softmax == SampledSoftmax && m.Samples == 0:
		m.Samples = min(DefaultSamples, vocab/2)
	case m.Softmax == AdaptiveSoftmax && len(m.Cutoffs) == 0:
		counts, err := count()
		if err != nil {
			return err
		}
		if m.Cutoffs, err = models.ChooseCutoffs(counts, m.Hidden, targets); err != nil {
			return settings("`softmax` adaptive is for large vocabularies (%v): leave it out", err)
		}
	}
	_, err := c.declare()
	return err
}

// countTokens counts how often each token of a vocabulary occurs.
func countTokens(vocab int, tokens datasets.Sequence) ([]int, error) {
	counts := make([]int, vocab)
	some := make([]int32, 1<<16)
	for from := 0; from < tokens.Len(); from += len(some) {
		some = some[:min(len(some), tokens.Len()-from)]
		if err := tokens.Read(from, some); err != nil {
			return nil, err
		}
		for _, t := range some {
			counts[t]++
		}
	}
	return counts, nil
}

// softmaxWords says in words which softmax a model has; "" if it is a full one.
func (m *Model) softmaxWords() string {
	switch m.Softmax {
	case AdaptiveSoftmax:
		var ends []string
		for _, c := range m.Cutoffs {
			ends = append(ends, words.Thousands(c))
		}
		return fmt.Sprintf(", adaptive softmax (cutoffs %s)", strings.Join(ends, "; "))
	case SampledSoftmax:
		return fmt.Sprintf(", sampled softmax (%s)", words.Thousands(m.Samples))
	}
	return ""
}
