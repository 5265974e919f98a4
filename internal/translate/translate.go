// Package translate writes translations of lines of text with a sequence-to-sequence model, and says what they are
// worth.
//
// It must not know where models and texts come from.
package translate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Model translates batches of tokens: a *trainer.Seq2Seq.
type Model interface {
	// StepCost is what a step takes, see batches.InUse.
	StepCost() tape.StepCost
	Search(source []int32, batch int, c decode.Beam) ([][]decode.Hypothesis, error)
	Sample(
		source []int32, batch, n int, limits []int, c decode.Sampling, random []*rand.Rand,
	) ([][]decode.Hypothesis, error)
}

// Translator translates lines.
type Translator struct {
	Model          Model
	Source, Target *datasets.Vocab
	Lengths        decode.Lengths // the limits of translations, as training data have it
}

// Options say how to translate. The zero value takes the likeliest token at every step.
type Options struct {
	// Beam says how to search, and how many translations of each line are wanted. MaxLength 0: Lengths limits them.
	Beam decode.Beam

	Sampling *decode.Sampling // draws translations instead; nil: searches
	Seed     uint64           // of what is drawn
	Weights  bool             // Weights are wanted, as many for each line as its tokens times those of its translation

	// Unknown says what to write for words that the model does not know; nil: what stands for one, see
	// datasets.Vocab.Decode.
	Unknown *Replacement

	JoinSubwords bool // makes words of parts that are marked as such, see metrics.Subwords
}

// Translation is what was written for a line.
type Translation struct {
	Text              string
	decode.Hypothesis // of the text
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

// What bounds the memory of a batch: beginnings of translations that are extended at once, of which more are
// not faster, and the tokens of their sources.
const (
	maxRows   = 96
	maxTokens = 1 << 15
)

// together is how many lines are translated at once, at most.
func (o *Options) together() int {
	most := max(1, maxRows/o.rows())
	if o.Weights {
		most = min(most, weighed)
	}
	return most
}

// weighed is how many lines are translated at once whose weights all are kept.
const weighed = 16

// maxBlock is how many lines fill several batches, so that those of a batch are of one length, or nearly.
const maxBlock = 1024

// Block is how many lines are best given to Lines: more are not faster.
func (o *Options) Block() int {
	if o.Weights {
		return weighed
	}
	return maxBlock
}

// What bounds one search: the tokens of its sources, those that may be written, and the beginnings, multiplied. The
// time grows with it and, if the weights of the attention are kept, so does the memory, 8 bytes each; then lines are
// translated together only up to less than a line may have.
const (
	maxSearch       = 1e9
	maxKept         = 5e7
	maxKeptTogether = 4e6
)

// bounds are those of a search for one line, and for several.
func (o *Options) bounds() (line, together float64) {
	if o.Weights || o.Unknown != nil || o.Beam.Coverage != 0 {
		return maxKept, maxKeptTogether
	}
	return maxSearch, maxSearch
}

// TooLongError says that translating a line would take too long.
type TooLongError struct {
	Line   int
	Tokens int // of the line
	Length int // tokens that a translation may have
	Rows   int // translations that are looked for at once
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("%d tokens, to be translated by up to %d in %d ways at once: that would take too long, cut the "+
		"line, or give a smaller length or beam",
		e.Tokens, e.Length, e.Rows)
}

// check says what is wrong with the numbers. A beam without a width is one of width 1.
func (o *Options) check() error {
	if o.Sampling != nil {
		return cmp.Or(setting.AtLeast("Best", o.Beam.Best, 0), o.Sampling.Check())
	}
	beam := o.Beam
	beam.Width = cmp.Or(beam.Width, 1)
	return beam.Check()
}

// rows is how many beginnings there are for each line.
func (o *Options) rows() int {
	if o.Sampling != nil {
		return max(1, o.Beam.Best)
	}
	return max(1, o.Beam.Width)
}

// limit is the most tokens of the translation of a source of so many, both with the end token.
func (t *Translator) limit(source int, o *Options) int {
	return cmp.Or(o.Beam.MaxLength, t.Lengths.Limit(source))
}

// Lines translates lines: it gives for each the best translations, the best first, and none for a blank line. first
// is the number of the first line among all, on which depends what is drawn; nothing depends on which lines are
// translated together. A line for which it would take too long is a *TooLongError, before any is translated.
func (t *Translator) Lines(ctx context.Context, first int, lines []string, o Options) ([][]Translation, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	translated := make([][]Translation, len(lines))
	all, err := t.batches(first, lines, &o)
	if err != nil {
		return nil, err
	}
	err = parallel.Share(ctx, len(all), func(k int) ([][]decode.Hypothesis, error) {
		return t.translate(&all[k], &o)
	}, func(k int, found [][]decode.Hypothesis) error {
		for row, i := range all[k].Which {
			translated[i] = t.texts(lines[i], found[row], &o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return translated, nil
}

// batches puts lines of similar lengths together.
func (t *Translator) batches(first int, lines []string, o *Options) (all []batch, err error) {
	line, together := o.bounds()
	tokens := make([][]int32, len(lines))
	lengths := make([]int, len(lines))
	for i, text := range lines {
		if strings.TrimSpace(text) == "" {
			continue
		}
		tokens[i], _ = t.Source.EncodeLine(text)
		tokens[i] = append(tokens[i], datasets.End)
		lengths[i] = len(tokens[i])
		if work := t.work(lengths[i], o); work > line {
			return nil, &TooLongError{first + i, lengths[i], t.limit(lengths[i], o), o.rows()}
		}
	}
	most := func(steps int) int {
		return min(o.together(), int(together/t.work(steps, o)), maxTokens/(steps*o.rows()))
	}
	for _, g := range batches.InUse(lengths, t.Model.StepCost(), most) {
		b := batch{Together: g, first: first}
		for _, i := range g.Which {
			b.tokens = append(b.tokens, tokens[i])
		}
		all = append(all, b)
	}
	return all, nil
}

// work is what grows with a search for a source of so many tokens: see maxSearch.
func (t *Translator) work(source int, o *Options) float64 {
	return float64(source) * float64(max(1, t.limit(source, o))) * float64(o.rows())
}

// batch are sources that are translated together.
type batch struct {
	batches.Together
	first  int // number of the line 0
	tokens [][]int32
}

// source are the tokens, S×B; rows that are no source are one that ends at once.
func (b *batch) source() []int32 {
	size := b.Rows
	source := make([]int32, b.Steps*size)
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
	limits := make([]int, b.Rows)
	for k := range limits {
		limits[k] = 1
		if k < len(b.tokens) {
			limits[k] = limit(len(b.tokens[k]))
		}
	}
	return limits
}

// translate gives hypotheses for the sources of a batch.
func (t *Translator) translate(b *batch, o *Options) ([][]decode.Hypothesis, error) {
	limits := b.limits(func(source int) int { return t.limit(source, o) })
	if slices.Min(limits) < 1 {
		return nil, errors.New("the greatest length of translations is not known: name one")
	}
	if o.Sampling != nil {
		random := make([]*rand.Rand, b.Rows)
		for k := range random {
			random[k] = rand.New(rand.NewPCG(o.Seed, 0))
			if k < len(b.Which) {
				random[k] = rand.New(rand.NewPCG(o.Seed, uint64(b.first+b.Which[k])))
			}
		}
		sampling := *o.Sampling
		sampling.WithoutWeights = !o.Weights && o.Unknown == nil
		return t.Model.Sample(b.source(), b.Rows, max(1, o.Beam.Best), limits, sampling, random)
	}
	beam := o.Beam
	beam.Width, beam.Limits, beam.WithoutWeights = o.rows(), limits, !o.Weights && o.Unknown == nil
	return t.Model.Search(b.source(), b.Rows, beam)
}

// texts are the texts of hypotheses for a line.
func (t *Translator) texts(line string, found []decode.Hypothesis, o *Options) []Translation {
	written := make([]Translation, len(found))
	for i, h := range found {
		text := ""
		if o.Unknown != nil {
			text = o.Unknown.decode(t, line, h)
		} else {
			text = t.Target.Decode(h.Tokens)
		}
		if o.JoinSubwords {
			text = metrics.DetectSubwords([]string{text}).Join(text)
		}
		written[i] = Translation{text, h}
	}
	return written
}
