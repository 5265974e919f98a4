package trainer

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

func newTagger(t *testing.T, change func(*TaggerConfig)) *Tagger {
	t.Helper()
	c := TaggerConfig{Model: models.TaggerConfig{
		Words: 9, Embed: 6, Chars: 7, CharEmbed: 4, CharHidden: 5, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8,
		Layers: 1, Bidirectional: true, Tags: 4,
	}, Device: cpu.New(cpu.Threads(1))}
	c.Seed, c.Optimizer, c.Clip = 1, optim.DefaultAdam, 5
	if change != nil {
		change(&c)
	}
	m, err := NewTagger(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// sentences draws a batch whose tags follow from the words: that of a word is its number modulo 2, and 2 more behind a
// word of another kind.
func sentences(r *rand.Rand, lengths ...int) Sentences {
	const words, letters = 9, 3
	steps, batch := slices.Max(lengths), len(lengths)
	x := Sentences{SentenceShape: SentenceShape{Steps: steps, Batch: batch, Different: words, Letters: letters}}
	x.Words, x.Which, x.Tags, x.Mask = make([]int32, steps*batch), make([]int32, steps*batch), make([]int32,
		steps*batch), make([]float32, steps*batch)
	x.Chars, x.CharMask = make([]int32, letters*words), make([]float32, letters*words)
	for w := range int32(words) { // word w is written with the characters w/3 and w%3
		x.Chars[w], x.Chars[words+w] = 1+w/3, 4+w%3
		x.CharMask[w], x.CharMask[words+w] = 1, 1
	}
	for b, n := range lengths {
		before := int32(0)
		for s := range n {
			i := s*batch + b
			w := r.Int32N(words)
			x.Words[i], x.Which[i], x.Mask[i], x.Tags[i] = w, w, 1, w%2
			if s > 0 && before != w%2 {
				x.Tags[i] += 2
			}
			before = w % 2
		}
	}
	return x
}

// With and without a CRF, and from characters alone, a tagger learns tags that follow from words and from those beside
// them.
func TestTaggerLearns(t *testing.T) {
	for name, change := range map[string]func(*TaggerConfig){
		"softmax": nil, "CRF": func(c *TaggerConfig) { c.Model.CRF = true },
		"one direction": func(c *TaggerConfig) { c.Model.Bidirectional, c.Model.Dropout = false, 0.1 },
	} {
		m := newTagger(t, change)
		r := rand.New(rand.NewPCG(1, 1))
		for step := range 120 {
			x := sentences(r, 5, 3, 5, 4)
			if name == "softmax" {
				clear(x.Words) // characters say all
			}
			if _, _, err := m.Train(step, 0.02, x); err != nil {
				t.Fatal(err)
			}
		}
		x := sentences(r, 5, 4, 1, 2)
		if name == "softmax" {
			clear(x.Words)
		}
		got, nll, err := m.Tag(x)
		if err != nil {
			t.Fatal(err)
		}
		for i, tag := range got {
			if x.Mask[i] != 0 && tag != x.Tags[i] {
				t.Errorf("%s: word %d of sentence %d has tag %d, want %d", name, i/4, i%4, tag, x.Tags[i])
			}
		}
		for k, l := range nll {
			if !(l > 0 && l < 2) {
				t.Errorf("%s: sentence %d has -ln p %v", name, k, l)
			}
		}
	}
}

// A batch in parts is the batch: losses are means over words, of which the parts have different numbers, and rows that
// weigh nothing are none.
func TestTaggerParts(t *testing.T) {
	for _, crf := range []bool{false, true} {
		with := func(parts int) func(*TaggerConfig) {
			return func(c *TaggerConfig) { c.Model.CRF, c.Accumulate = crf, parts }
		}
		whole, divided := newTagger(t, with(1)), newTagger(t, with(2))
		for step := range 3 {
			x := sentences(rand.New(rand.NewPCG(uint64(step), 2)), 5, 3, 4, 5)
			x.Weights = []float32{1, 1, 0, 1}
			loss, norm, err := whole.Train(step, 0.01, x)
			if err != nil {
				t.Fatal(err)
			}
			halves := make([]Sentences, 2)
			for k := range halves {
				h := x
				h.Batch = 2
				h.Words, h.Which, h.Tags, h.Mask = part(x.Words, 5, k, 2), part(x.Which, 5, k, 2), part(x.Tags, 5, k,
					2), part(x.Mask, 5, k, 2)
				h.Weights = part(x.Weights, 1, k, 2)
				halves[k] = h
			}
			gotLoss, gotNorm, err := divided.Train(step, 0.01, halves...)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-gotLoss) > 1e-5*loss || math.Abs(norm-gotNorm) > 1e-4*norm {
				t.Errorf("step %d: loss %v and norm %v, in parts %v and %v", step, loss, norm, gotLoss, gotNorm)
			}
		}
	}
}

// Word by word, with the state carried, the scores are those of whole sentences; after training, those of the new
// weights.
func TestTagStream(t *testing.T) {
	m := newTagger(t, func(c *TaggerConfig) { c.Model.Bidirectional = false })
	s, err := m.Stream(4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(4, 1))
	for round := range 3 {
		x := sentences(r, 5)
		tags, nll, err := m.Tag(x)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, w := range x.Words {
			scores, err := s.Next(w, []int32{x.Chars[w], x.Chars[9+w]})
			if err != nil {
				t.Fatal(err)
			}
			if likeliest(scores) != int(tags[i]) {
				t.Errorf("round %d: word %d has tag %d, in its sentence %d", round, i, likeliest(scores), tags[i])
			}
			sum -= LogSoftmax(scores)[x.Tags[i]]
		}
		if math.Abs(sum-float64(nll[0])) > 1e-5 {
			t.Errorf("round %d: -ln p %v, of the sentence %v", round, sum, nll[0])
		}
		if _, _, err := m.Train(round, 0.05, sentences(r, 5, 5)); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*TaggerConfig){
		"Bidirectional": nil, "CRF": func(c *TaggerConfig) { c.Model.Bidirectional, c.Model.CRF = false, true },
	} {
		_, err := newTagger(t, change).Stream(4)
		var wrong *models.SettingError
		if !errors.As(err, &wrong) || wrong.Setting != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTaggerRefuses(t *testing.T) {
	m := newTagger(t, nil)
	good := func() Sentences { return sentences(rand.New(rand.NewPCG(1, 1)), 3, 2) }
	for name, spoil := range map[string]func(*Sentences){
		"no words": func(x *Sentences) { x.Words = nil }, "a short mask": func(x *Sentences) { x.Mask = x.Mask[1:] },
		"no characters":   func(x *Sentences) { x.Different, x.Letters, x.Chars, x.CharMask = 0, 0, nil, nil },
		"a tag too large": func(x *Sentences) { x.Tags[0] = 4 }, "a weight too few": func(x *Sentences) { x.Weights = []float32{1} },
		"no steps": func(x *Sentences) { x.Steps = 0 }, "which of other words": func(x *Sentences) { x.Which[0] = 9 },
		"a word too large": func(x *Sentences) { x.Words[0] = 9 },
	} {
		x := good()
		spoil(&x)
		if _, _, err := m.Tag(x); err == nil {
			t.Errorf("%s: tagged", name)
		}
		if _, _, err := m.Train(0, 0.1, x); err == nil {
			t.Errorf("%s: trained", name)
		}
	}
	x := good()
	x.Tags = nil
	if _, _, err := m.Train(0, 0.1, x); err == nil {
		t.Error("trained without tags")
	}
	if _, _, err := m.Train(0, 0.1); err == nil {
		t.Error("trained without a batch")
	}
	if _, _, err := m.Tag(x); err != nil {
		t.Errorf("without tags: %v", err)
	}
}
