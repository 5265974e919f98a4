package translate

import (
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// Worth is what translations are worth beside their references.
type Worth struct {
	Lines         int
	ExactMatch    float64 // see metrics.ExactMatch
	CharErrorRate float64 // see metrics.CharErrorRate
	BLEU          *metrics.Score
	ChrF          float64
	ChrFSignature string

	Subwords  metrics.Subwords // marks of parts that were made words before all this
	Tokenized bool             // the references look cut into words already
	Cut       int              // translations that ended at their limit
	Unknown   int              // translations with words that the model does not know
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
	w := &Worth{Lines: len(translated)}
	references, w.Subwords = References(target, references)
	w.Tokenized = metrics.LooksTokenized(references.All())
	texts := make([]string, len(translated))
	for i, found := range translated {
		if len(found) == 0 {
			continue
		}
		best := &found[0]
		texts[i] = w.Subwords.Join(best.Text)
		if !best.Ended {
			w.Cut++
		}
		if best.Unknowns() > 0 {
			w.Unknown++
		}
	}
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
