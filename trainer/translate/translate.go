// Package translate writes translations of lines of text with a sequence-to-sequence model, and says what they are worth.
//
// It must not know where models and texts come from.
package translate

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// Model translates batches of tokens: a *trainer.Seq2Seq.
type Model interface {
	Greedy(source []int32, batch, steps int) ([]int32, error)
	Search(source []int32, batch int, c decode.Beam) ([][]decode.Hypothesis, error)
	Sample(source []int32, batch, n int, limits []int, c decode.Sampling, random []*rand.Rand) ([][]decode.Hypothesis, error)
}

// Translator translates lines.
type Translator struct {
	Model          Model
	Source, Target *datasets.Vocab

	Beam     decode.Beam      // how to search; its limits are set here. Width 0 or 1: the likeliest token at every step
	Sampling *decode.Sampling // draws Beam.Best translations of each line instead; nil: searches
	Seed     uint64           // of what is drawn

	Lengths   decode.Lengths // the limits of translations, as training data have it
	MaxLength int            // the limit of all translations, instead of Lengths; 0: that is not known

	Details      bool         // LogProb, Score and Weights are wanted
	Unknown      *Replacement // what to write for words that the model does not know; nil: what stands for one, see datasets.Vocab.Decode
	JoinSubwords bool         // makes words of parts that are marked as such, see metrics.Subwords
}

// Translation is what was written for a line.
type Translation struct {
	Text              string
	decode.Hypothesis // of the text; without Details it has Tokens and Ended only
}

// Unknowns is how many of its tokens are unknown ones.
func (t *Translation) Unknowns() int {
	n := 0
	for _, token := range t.Tokens {
		if token == datasets.Unknown {
			n++
		}
	}
	return n
}

// maxRows is how many beginnings of translations are extended at once: more are not faster.
const maxRows = 320

// Block is how many lines fill a batch.
func (t *Translator) Block() int { return max(1, maxRows/t.rows()) }

// rows is how many beginnings there are for each line.
func (t *Translator) rows() int {
	if t.Sampling != nil {
		return max(1, t.Beam.Best)
	}
	return max(1, t.Beam.Width)
}

// Limit is the most tokens of the translation of a source of so many, both with the end token.
func (t *Translator) Limit(source int) int {
	return cmp.Or(t.MaxLength, t.Lengths.Limit(source))
}

// Lines translates lines: it gives for each the best translations, the best first, and none for a blank line. first is the number of the
// first line among all, on which depends what is drawn; nothing depends on which lines are translated together.
func (t *Translator) Lines(first int, lines []string) ([][]Translation, error) {
	translated := make([][]Translation, len(lines))
	byLength := map[int][]int{} // lines by the length of the program for them
	tokens := make([][]int32, len(lines))
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		tokens[i], _ = t.Source.EncodeLine(line)
		tokens[i] = append(tokens[i], datasets.End)
		n := rounded(len(tokens[i]), 8)
		byLength[n] = append(byLength[n], i)
	}
	for _, n := range slices.Sorted(maps.Keys(byLength)) {
		for some := range slices.Chunk(byLength[n], t.Block()) {
			b := batch{steps: n, first: first}
			for _, i := range some {
				b.lines, b.tokens = append(b.lines, i), append(b.tokens, tokens[i])
			}
			found, err := t.translate(&b)
			if err != nil {
				return nil, err
			}
			for k, i := range some {
				translated[i] = t.texts(lines[i], found[k])
			}
		}
	}
	return translated, nil
}

// rounded is the next power of two, so that there are few programs.
func rounded(n, least int) int {
	for least < n {
		least *= 2
	}
	return least
}

// batch are sources that are translated together.
type batch struct {
	steps  int
	first  int // number of the line 0
	lines  []int
	tokens [][]int32
}

// size is the number of rows with those that are no source.
func (b *batch) size() int { return rounded(len(b.tokens), 1) }

// source are the tokens, S×B; rows that are no source are one that ends at once.
func (b *batch) source() []int32 {
	size := b.size()
	source := make([]int32, b.steps*size)
	for k := range size {
		if k >= len(b.tokens) {
			source[k] = datasets.End
			continue
		}
		for s, token := range b.tokens[k] {
			source[s*size+k] = token
		}
	}
	return source
}

// limits are those of all rows.
func (b *batch) limits(limit func(int) int) []int {
	limits := make([]int, b.size())
	for k := range limits {
		limits[k] = 1
		if k < len(b.tokens) {
			limits[k] = limit(len(b.tokens[k]))
		}
	}
	return limits
}

// translate gives hypotheses for the sources of a batch.
func (t *Translator) translate(b *batch) ([][]decode.Hypothesis, error) {
	limits := b.limits(t.Limit)
	if slices.Min(limits) < 1 {
		return nil, errors.New("the greatest length of translations is not known: name one")
	}
	switch {
	case t.Sampling != nil:
		random := make([]*rand.Rand, b.size())
		for k := range random {
			random[k] = rand.New(rand.NewPCG(t.Seed, 0))
			if k < len(b.lines) {
				random[k] = rand.New(rand.NewPCG(t.Seed, uint64(b.first+b.lines[k])))
			}
		}
		return t.Model.Sample(b.source(), b.size(), max(1, t.Beam.Best), limits, *t.Sampling, random)
	case t.rows() == 1 && t.Beam.NoRepeat == 0 && t.Unknown == nil && !t.Details:
		return t.greedy(b, limits)
	}
	beam := t.Beam
	beam.Width, beam.Limits = t.rows(), limits
	return t.Model.Search(b.source(), b.size(), beam)
}

// greedy takes the likeliest token at every step, all of them in one run of a program.
func (t *Translator) greedy(b *batch, limits []int) ([][]decode.Hypothesis, error) {
	size := b.size()
	tokens, err := t.Model.Greedy(b.source(), size, t.Limit(b.steps))
	if err != nil {
		return nil, err
	}
	found := make([][]decode.Hypothesis, len(b.tokens))
	for k := range found {
		var h decode.Hypothesis
		for i := 0; i < limits[k] && !h.Ended; i++ {
			h.Tokens = append(h.Tokens, tokens[i*size+k])
			h.Ended = tokens[i*size+k] == datasets.End
		}
		found[k] = []decode.Hypothesis{h}
	}
	return found, nil
}

// texts are the texts of hypotheses for a line.
func (t *Translator) texts(line string, found []decode.Hypothesis) []Translation {
	written := make([]Translation, len(found))
	for i, h := range found {
		text := ""
		if t.Unknown != nil {
			text = t.Unknown.decode(t, line, h)
		} else {
			text = t.Target.Decode(h.Tokens)
		}
		if t.JoinSubwords {
			text = metrics.DetectSubwords([]string{text}).Join(text)
		}
		written[i] = Translation{text, h}
	}
	return written
}
