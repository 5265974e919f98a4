package run

import (
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// TagMeasures are what is said of tags beside their accuracy. What a run has no words or no spans for is left out.
type TagMeasures struct {
	KnownAccuracy   *Float `json:"known_accuracy,omitempty"`   // of words that are in the training data, as they are written
	UnknownAccuracy *Float `json:"unknown_accuracy,omitempty"` // of others
	UnknownWords    int    `json:"unknown_words"`

	// Of spans, if the tags mark some: see metrics.Chunks.
	SpanPrecision *Float `json:"span_precision,omitempty"`
	SpanRecall    *Float `json:"span_recall,omitempty"`
	SpanF1        *Float `json:"span_f1,omitempty"`
	Spans         int    `json:"spans,omitempty"`
}

// tagSums are what was counted of tagged sentences.
type tagSums struct {
	nll            float64 // of the sentences that have no strange tags
	scored         int     // their words
	words, correct [2]int  // of unknown words, and of known ones
	sentences      int
	spans          metrics.ChunkCounts
	confusion      *metrics.Confusion
}

// add counts a sentence.
func (s *tagSums) add(x *tagged, i int, predicted []int32, nll float64) {
	s.sentences++
	strange := false
	names := make([]string, len(predicted))
	for t, tag := range predicted {
		known, gold := 0, x.tags[i][t]
		if x.kinds[x.words[i][t]].known {
			known = 1
		}
		s.words[known]++
		if tag == gold {
			s.correct[known]++
		}
		if strange = strange || gold == datasets.NoClass; gold != datasets.NoClass {
			s.confusion.Add(int(gold), int(tag))
		}
		names[t] = x.labels.Name(tag)
	}
	if !strange {
		s.nll += nll
		s.scored += len(predicted)
	}
	if x.spans {
		s.spans.Add(x.gold[i], names)
	}
}

// metrics are the means.
func (s *tagSums) metrics(x *tagged) Metrics {
	part := func(a, b int) *Float {
		if b == 0 {
			return nil
		}
		return some(float64(a) / float64(b))
	}
	words := s.words[0] + s.words[1]
	m := Metrics{Loss: s.nll / float64(max(s.scored, 1))}
	m.Tokens, m.Examples = words, s.sentences
	m.Accuracy, m.MacroF1 = part(s.correct[0]+s.correct[1], words), some(s.confusion.MacroF1())
	m.TagMeasures = &TagMeasures{
		KnownAccuracy: part(s.correct[1], s.words[1]), UnknownAccuracy: part(s.correct[0],
			s.words[0]), UnknownWords: s.words[0],
	}
	if x.spans {
		t := m.TagMeasures
		t.SpanPrecision, t.SpanRecall, t.SpanF1 = some(s.spans.Precision()), some(s.spans.Recall()), some(s.spans.F1())
		t.Spans = s.spans.Gold
	}
	return m
}
