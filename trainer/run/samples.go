package run

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Sample is what a model made of something when it was validated, for people to look at. Texts are cut to a few
// hundred characters.
type Sample struct {
	Input  string `json:"input,omitempty"`  // what it read: a source, a text, which image
	Output string `json:"output"`           // what it made of that: a translation, a label, a text of its own
	Wanted string `json:"wanted,omitempty"` // what is right, if anything is
	Cut    bool   `json:"cut,omitempty"`    // a translation was cut at its limit

	Numbers bool `json:"numbers,omitempty"` // Output and Wanted are numbers, of which none is quite right
}

const (
	validSamples = 3   // are made at each validation
	sampleLength = 300 // characters of a text, at most
)

// clipped is the beginning of a text.
func clipped(text string) string { return words.Clip(text, sampleLength) }

// evenly are at most n of numbers, evenly spread.
func evenly(which []int32, n int) []int32 {
	n = min(n, len(which))
	some := make([]int32, n)
	for i := range some {
		some[i] = which[i*len(which)/n]
	}
	return some
}

// Samples are at most n of the translations, evenly spread.
func (x *TranslatedPairs) Samples(n int) []Sample {
	var samples []Sample
	for _, i := range evenly(numbers(len(x.Sources)), n) {
		sample := Sample{Input: clipped(x.Sources[i]), Wanted: clipped(x.References[i][0])}
		if written := x.Written[i]; len(written) > 0 { // a source of blanks has none
			sample.Output, sample.Cut = clipped(written[0].Text), !written[0].Ended
		}
		samples = append(samples, sample)
	}
	return samples
}

// samples are at most n of the examples, evenly spread, and what they are taken for.
func (x *examples) samples(
	ctx context.Context, m *trainer.Classifier, labels *datasets.Labels, n int,
) ([]Sample, error) {
	chosen := evenly(x.which, n)
	samples := make([]Sample, len(chosen))
	groups := slices.DeleteFunc(x.plan.InOrder(), func(g batches.Group) bool {
		return !slices.ContainsFunc(g.Examples, func(e int32) bool { return slices.Contains(chosen, e) })
	})
	err := parallel.Share(ctx, len(groups), func(i int) (taken []int, err error) {
		b, err := x.read(groups[i])
		if err != nil {
			return nil, err
		}
		logits, err := m.Logits(b.Sequences)
		if err != nil {
			return nil, err
		}
		for one := range slices.Chunk(logits, m.Classes()) {
			taken = append(taken, slices.Index(one, slices.Max(one)))
		}
		return taken, nil
	}, func(i int, taken []int) error {
		for row, e := range groups[i].Examples {
			if at := slices.Index(chosen, e); at >= 0 {
				samples[at] = Sample{Input: x.shown(e), Output: labels.Name(int32(taken[row])), Wanted: labels.Name(x.classes[e])}
			}
		}
		return nil
	})
	return samples, err
}

// sampleNumbers are the first of numbers, as text.
func sampleNumbers(numbers []float64) string {
	const most = 3
	var texts []string
	for _, x := range numbers[:min(most, len(numbers))] {
		texts = append(texts, sampleNumber(x))
	}
	if len(numbers) > most {
		texts = append(texts, "…")
	}
	return strings.Join(texts, " ")
}

// sampleNumber is a number of six digits, without an exponent where it can do without: of numbers around a million
// the differences are seen.
func sampleNumber(x float64) string {
	const digits = 6
	text := strconv.FormatFloat(x, 'g', digits, 64)
	if rounded, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(x) >= 1 && math.Abs(x) < 1e9 {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return text
}

// How a language model writes when it is validated: the same from the same weights, always.
const (
	sampleTemperature = 0.5
	sampleSeed        = 1
)

// sample is what the model writes by itself.
func (t *LMTask) sample(ctx context.Context) ([]Sample, error) {
	tokens := 20
	if t.config.Model.tokenKind() == datasets.Char {
		tokens = 80
	}
	var text strings.Builder
	err := t.Write(ctx, tokens, decode.Sampling{Temperature: sampleTemperature}, sampleSeed, func(s string) error {
		text.WriteString(s)
		return nil
	})
	return []Sample{{Output: clipped(text.String())}}, err
}
