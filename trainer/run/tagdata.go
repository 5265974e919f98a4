package run

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// How many sentences of a task there are.
const (
	taskSentences     = 2000
	taskSentencesHeld = 300
)

// rawTagged are sentences before they are encoded.
type rawTagged struct {
	*datasets.Tagged
	test *datasets.Tagged // those that a task has for measuring; else nil
}

// readTagged reads what a setting, or a file, of that name names. The seed is that of the run.
func readTagged(name string, s *Source, seed uint64) (*rawTagged, error) {
	x := &rawTagged{}
	var err error
	if s.Kind == KindTask {
		made := tasks.Config{Seed: seed, Train: taskSentences, Valid: taskSentencesHeld}
		x.Tagged, x.test, err = tasks.Tagged(s.Paths[0], made)
		return x, err
	}
	if x.Tagged, err = datasets.ReadTagged(s.Paths[0], s.Kind, s.Format); err != nil {
		return nil, NewInputError(name, err)
	}
	s.Format = x.Format
	return x, nil
}

func (x *rawTagged) origin() (name, sha256 string) { return x.Name, x.SHA256 }

func (x *rawTagged) toMeasure() taggedPart { return taggedPart{x, numbers(len(x.Sentences))} }

// divide gives the sentences to train on and those to measure on. Equal ones stay together.
func (x *rawTagged) divide(c *Config) (train, valid taggedPart, err error) {
	if x.test != nil {
		return x.toMeasure(), (&rawTagged{Tagged: x.test}).toMeasure(), nil
	}
	if err := c.Data.checkReading(); err != nil {
		return train, valid, err
	}
	d := datasets.Division{
		Name: x.Name, Len: len(x.Sentences), Part: c.Data.validShare(), Seed: c.Training.Seed,
		Key: func(i int) (string, error) { return x.Sentences[i].Text(), nil },
	}
	train, valid = taggedPart{rawTagged: x}, taggedPart{rawTagged: x}
	train.which, valid.which, err = d.Split()
	return train, valid, err
}

func (x *rawTagged) notes() []string {
	return append(slices.Clone(x.Notes), leftOut(x.Name, x.Skipped)...)
}

// taggedPart are some of the sentences.
type taggedPart struct {
	*rawTagged
	which []int32
}

// words are all words of the part.
func (p taggedPart) words() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range p.which {
			for _, word := range p.Sentences[i].Words {
				if !yield(word) {
					return
				}
			}
		}
	}
}

// Labels are the tags of the part: one that is in others alone could not be learned.
func (p taggedPart) Labels() (*datasets.Labels, error) {
	part := *p.Tagged
	part.Sentences = make([]datasets.Sentence, len(p.which))
	for i, at := range p.which {
		part.Sentences[i] = p.Sentences[at]
	}
	return part.Labels()
}

// spelled are sentences as a tagger reads them.
type spelled struct {
	kinds []spelling // the different words
	words [][]int32  // by sentence: which of them
	of    map[string]int32
}

// add adds a sentence.
func (s *spelled) add(l *lexicon, sentence []string) {
	if s.of == nil {
		s.of = map[string]int32{}
	}
	which := make([]int32, len(sentence))
	for i, word := range sentence {
		kind, ok := s.of[word]
		if !ok {
			kind = int32(len(s.kinds))
			s.of[word], s.kinds = kind, append(s.kinds, l.spell(word))
		}
		which[i] = kind
	}
	s.words = append(s.words, which)
}

// tagged are sentences with tags, ready for a tagger, in batches.
type tagged struct {
	spelled
	name    string
	plan    *batches.Plan
	text    [][]string // the words of each sentence
	gold    [][]string // their tags
	tags    [][]int32  // their numbers; datasets.NoClass: the model does not have it
	labels  *datasets.Labels
	spans   bool // tags mark spans
	longest int  // words of a sentence
	cut     int  // how many sentences are longer than what is read of them

	strange      int      // words with tags that the model does not have
	strangeNames []string // the different ones
}

// encode encodes a part. Of sentences that are longer than most words the first are taken; 0: all.
func (p taggedPart) encode(c *Config, l *lexicon, labels *datasets.Labels, most int) (*tagged, error) {
	x := &tagged{name: p.Name, labels: labels}
	var names []string
	for class := range int32(labels.Len()) {
		names = append(names, labels.Name(class))
	}
	x.spans, _ = metrics.MarkChunks(names)
	all := 0
	for _, i := range p.which {
		s := p.Sentences[i]
		n := len(s.Words)
		if most > 0 && n > most {
			n = most
			x.cut++
		}
		x.add(l, s.Words[:n])
		x.text, x.gold = append(x.text, s.Words[:n]), append(x.gold, s.Tags[:n])
		x.tags = append(x.tags, x.numbered(s.Tags[:n]))
		x.longest = max(x.longest, n)
		all += n
	}
	if x.strange == all {
		return nil, &datasets.Error{File: p.Name,
			What: fmt.Sprintf("none of its tags (%q, ...) is among the %d of the training data (%q, ...): use data "+
				"with the same tags",
				x.strangeNames[0], labels.Len(), labels.Name(0))}
	}
	var err error
	x.plan, err = batches.NewPlan(c.batches(len(x.words)), numbers(len(x.words)),
		func(i int32) (batches.Shape, error) { return batches.Shape{Source: len(x.words[i])}, nil })
	if err != nil {
		return nil, &datasets.Error{File: p.Name, What: err.Error()}
	}
	return x, nil
}

// numbered are the numbers of tags.
func (x *tagged) numbered(tags []string) []int32 {
	classes := make([]int32, len(tags))
	for i, tag := range tags {
		class, ok := x.labels.Class(tag)
		if !ok {
			class = datasets.NoClass
			if x.strange++; !slices.Contains(x.strangeNames, tag) {
				x.strangeNames = append(x.strangeNames, tag)
			}
		}
		classes[i] = class
	}
	return classes
}

// strangeTags says what becomes of words with tags that the model does not have.
func (x *tagged) strangeTags() string {
	if x.strange == 0 {
		return ""
	}
	names := make([]string, 0, 3)
	for _, name := range x.strangeNames[:min(len(x.strangeNames), cap(names))] {
		names = append(names, strconv.Quote(name))
	}
	if len(x.strangeNames) > len(names) {
		names = append(names, "...")
	}
	return fmt.Sprintf("%s: %s not among the %d of the training data (%s): counted as wrong, "+
		"left out of macro F1, and their sentences of the loss", x.name,
		words.Count(x.strange, "word has a tag that is", "words have tags that are"), x.labels.Len(),
		strings.Join(names, ", "))
}

// unknownForms says how many words are not in the training data.
func (x *tagged) unknownForms() string {
	all, unknown := 0, 0
	for _, sentence := range x.words {
		all += len(sentence)
		for _, kind := range sentence {
			if !x.kinds[kind].known {
				unknown++
			}
		}
	}
	if unknown == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s of %s words (%s) are not in the training data", x.name,
		words.Thousands(unknown), words.Thousands(all),
		words.Percent(unknown, all))
}

// taggedBatch is a batch for trainer.Tagger, in parts.
type taggedBatch struct {
	parts []trainer.Sentences
	words int
}

// fill makes a batch in so many parts. f says what is unknown in training; nil: nothing more than is.
func (x *tagged) fill(g batches.Group, parts int, f *forgetting) *taggedBatch {
	b := &taggedBatch{}
	rows := len(g.Examples) / parts
	for k := range parts {
		some := g.Examples[k*rows:][:rows]
		s := x.sentences(some, g.Source, f)
		s.Tags, s.Weights = make([]int32, g.Source*rows), make([]float32, rows)
		for row, i := range some {
			if i < 0 {
				continue
			}
			if s.Weights[row] = 1; slices.Contains(x.tags[i], datasets.NoClass) {
				s.Weights[row] = 0
			}
			for t, tag := range x.tags[i] {
				s.Tags[t*rows+row] = max(tag, 0)
			}
			b.words += len(x.tags[i])
		}
		b.parts = append(b.parts, s)
	}
	alike(b.parts)
	return b
}

// alike gives parts of a batch the same shape: there are few shapes, whatever comes.
func alike(parts []trainer.Sentences) {
	different, letters := 0, 0
	for _, s := range parts {
		different, letters = max(different, s.Different), max(letters, s.Letters)
	}
	if letters > 0 {
		different, letters = batches.RoundUp(different, 4), batches.RoundUp(letters, 4)
	}
	for i, s := range parts {
		wider := s.SentenceShape
		wider.Different, wider.Letters = different, letters
		parts[i].SentenceShape = wider
		if letters > 0 && s.Which == nil { // a part of rows that are no examples
			parts[i].Which = make([]int32, s.Steps*s.Batch)
		}
		parts[i].Chars = widened(s.Chars, s.Letters, s.Different, letters, different)
		parts[i].CharMask = widened(s.CharMask, s.Letters, s.Different, letters, different)
	}
}

// widened is a matrix with more rows and columns, which are 0.
func widened[T any](xs []T, rows, columns, moreRows, moreColumns int) []T {
	wide := make([]T, moreRows*moreColumns)
	for r := range rows {
		copy(wide[r*moreColumns:], xs[r*columns:][:columns])
	}
	return wide
}

// sentences are some sentences, -1 where one is missing, without tags.
func (s *spelled) sentences(which []int32, steps int, f *forgetting) trainer.Sentences {
	rows := len(which)
	x := trainer.Sentences{SentenceShape: trainer.SentenceShape{Steps: steps, Batch: rows}}
	x.Words, x.Which, x.Mask = make([]int32, steps*rows), make([]int32, steps*rows), make([]float32, steps*rows)
	places := map[int32]int32{} // of the different words
	var different []int32
	for row, i := range which {
		if i < 0 {
			continue
		}
		for t, kind := range s.words[i] {
			at := t*rows + row
			place, ok := places[kind]
			if !ok {
				place = int32(len(different))
				places[kind], different = place, append(different, kind)
			}
			x.Words[at], x.Which[at], x.Mask[at] = f.word(s.kinds[kind].word), place, 1
		}
	}
	for _, kind := range different {
		x.Letters = max(x.Letters, len(s.kinds[kind].chars))
	}
	if x.Letters == 0 {
		x.Which = nil // words are not read
		return x
	}
	x.Different = len(different)
	x.Chars, x.CharMask = make([]int32, x.Letters*x.Different), make([]float32, x.Letters*x.Different)
	for place, kind := range different {
		for l, ch := range s.kinds[kind].chars {
			x.Chars[l*x.Different+place], x.CharMask[l*x.Different+place] = f.char(ch), 1
		}
	}
	return x
}

// forgetting makes words and characters unknown while a model learns: those that occur n times with the probability
// a/(a+n), so that rare ones are so the more often, as those are that the model will meet (Kiperwasser and Goldberg,
// 2016).
type forgetting struct {
	a            float64
	words, chars []int // how often each occurs in the training data
	rand         *rand.Rand
}

// newForgetting counts the words of sentences that are learned.
func newForgetting(c *Config, x *tagged) *forgetting {
	f := &forgetting{a: c.Model.Tag.Forget, words: make([]int, c.Model.Vocab), chars: make([]int, c.Model.Tag.Chars)}
	for _, sentence := range x.words {
		for _, kind := range sentence {
			f.words[x.kinds[kind].word]++
			for _, ch := range x.kinds[kind].chars {
				f.chars[ch]++
			}
		}
	}
	return f
}

// at is what is forgotten in a step: it depends on that and the seed alone.
func (f *forgetting) at(seed uint64, step int) *forgetting {
	now := *f
	now.rand = rand.New(rand.NewPCG(seed, uint64(step)))
	return &now
}

func (f *forgetting) word(token int32) int32 {
	if f == nil {
		return token
	}
	return f.token(token, f.words)
}

func (f *forgetting) char(token int32) int32 {
	if f == nil {
		return token
	}
	return f.token(token, f.chars)
}

func (f *forgetting) token(token int32, counts []int) int32 {
	if f.a > 0 && f.rand.Float64() < f.a/(f.a+float64(counts[token])) {
		return datasets.Unknown
	}
	return token
}

// samples are at most n of the sentences, evenly spread, and their tags.
func (x *tagged) samples(ctx context.Context, m *trainer.Tagger, n int) ([]Sample, error) {
	var samples []Sample
	chosen := evenly(numbers(len(x.words)), n)
	err := parallel.Share(ctx, len(chosen), func(k int) (Sample, error) {
		i := chosen[k]
		alone := batches.Group{Shape: batches.Shape{Source: batches.StepsInUse(len(x.words[i]))}, Examples: []int32{i}}
		tags, _, err := m.Tag(x.fill(alone, 1, nil).parts[0])
		if err != nil {
			return Sample{}, err
		}
		names := make([]string, len(x.words[i]))
		for at := range names {
			names[at] = x.labels.Name(tags[at])
		}
		return Sample{
			Input: clipped(strings.Join(x.text[i], " ")), Output: clipped(strings.Join(names, " ")),
			Wanted: clipped(strings.Join(x.gold[i], " ")),
		}, nil
	}, func(_ int, s Sample) error {
		samples = append(samples, s)
		return nil
	})
	return samples, err
}

// validate measures a tagger on the sentences, and counts what words are taken for.
func (x *tagged) validate(ctx context.Context, m *trainer.Tagger) (Metrics, *metrics.Confusion, error) {
	type judged struct {
		Tags []int32 // T×B
		NLL  []float32
	}
	s := tagSums{confusion: metrics.NewConfusion(m.Tags())}
	groups := x.plan.InOrder()
	err := parallel.Share(ctx, len(groups), func(i int) (j judged, err error) {
		j.Tags, j.NLL, err = m.Tag(x.fill(groups[i], 1, nil).parts[0])
		return j, err
	}, func(i int, j judged) error {
		rows := groups[i].Examples
		for row, e := range rows {
			if e < 0 {
				continue
			}
			predicted := make([]int32, len(x.words[e]))
			for t := range predicted {
				predicted[t] = j.Tags[t*len(rows)+row]
			}
			s.add(x, int(e), predicted, float64(j.NLL[row]))
		}
		return nil
	})
	if err != nil {
		return Metrics{}, nil, err
	}
	return s.metrics(x), s.confusion, nil
}
