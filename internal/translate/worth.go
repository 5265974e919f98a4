package translate

import (
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// Worth is what translations are worth beside their references.
type Worth struct {
	Counts
	ExactMatch    float64 // see metrics.ExactMatch
	CharErrorRate float64 // see metrics.CharErrorRate
	BLEU          *metrics.Score
	ChrF          float64
	ChrFSignature string

	Subwords  metrics.Subwords // marks of parts that were made words before all this
	Tokenized bool             // the references look cut into words already
}

// Counts are of lines that were translated, by their best translations.
type Counts struct {
	Lines   int
	Cut     int // translations that ended at their limit
	Unknown int // translations with words that the model does not know
}

// Add counts a line, unless it has no translation.
func (c *Counts) Add(found []Translation) {
	if len(found) == 0 {
		return
	}
	c.Lines++
	if !found[0].Ended {
		c.Cut++
	}
	if found[0].Unknowns() > 0 {
		c.Unknown++
	}
}

// Remarks are what there is to say of them; replaced: unknown words were.
func (c *Counts) Remarks(replaced bool) (remarks []string) {
	of := func(n int) string {
		return fmt.Sprintf("%s of %s", words.Thousands(n), words.Count(c.Lines, "translation", "translations"))
	}
	if c.Cut > 0 {
		remarks = append(remarks, of(c.Cut)+" cut at the greatest length, unfinished: `max_length` for more")
	}
	switch {
	case c.Unknown > 0 && replaced:
		remarks = append(remarks, of(c.Unknown)+" with words that the model does not know, replaced by words of the source")
	case c.Unknown > 0:
		remarks = append(remarks,
			of(c.Unknown)+" with words that the model does not know: `replace_unk` writes those of the source")
	}
	return remarks
}

// References are references as a vocabulary writes them, since no model can write others, of words that are whole.
func References(
	target *datasets.Vocab, references metrics.References,
) (written metrics.References, marks metrics.Subwords) {
	written = make(metrics.References, len(references))
	for i, refs := range references {
		for _, ref := range refs {
			written[i] = append(written[i], target.Written(ref))
		}
	}
	marks = metrics.DetectSubwords(written.All())
	for i, refs := range written {
		written[i] = marks.JoinAll(refs)
	}
	return written, marks
}

// Measure compares the best translation of each line with its references.
func Measure(
	translated [][]Translation, references metrics.References, target *datasets.Vocab, bleu metrics.BLEU,
) (*Worth, error) {
	w := &Worth{}
	references, w.Subwords = References(target, references)
	w.Tokenized = metrics.LooksTokenized(references.All())
	texts := make([]string, len(translated))
	for i, found := range translated {
		if w.Add(found); len(found) > 0 {
			texts[i] = w.Subwords.Join(found[0].Text)
		}
	}
	w.Lines = len(translated) // also those without a translation, which are wrong
	var err error
	if w.BLEU, err = bleu.Corpus(texts, references); err != nil {
		return nil, err
	}
	if w.ChrF, w.ChrFSignature, err = (metrics.ChrF{}).Corpus(texts, references); err != nil {
		return nil, err
	}
	w.ExactMatch, w.CharErrorRate = metrics.ExactMatch(texts, references), metrics.CharErrorRate(texts, references)
	return w, nil
}
