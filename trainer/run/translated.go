package run

import (
	"cmp"
	"context"
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// translator translates with a model of the configuration.
func (c *Config) translator(m translate.Model, source, target *datasets.Vocab) *translate.Translator {
	t := &translate.Translator{Model: m, Source: source, Target: target}
	if c.Model.Lengths != nil {
		t.Lengths = *c.Model.Lengths
	}
	return t
}

// limited are options with the limit of the run, unless they have one.
func (c *Config) limited(o translate.Options) (translate.Options, error) {
	o.Beam.MaxLength = cmp.Or(o.Beam.MaxLength, c.Training.MaxLength)
	if o.Beam.MaxLength == 0 && c.Model.Lengths == nil {
		return o, settings("the run is of an early version, which did not note how long its targets are: " +
			"name the most tokens of a translation with `max_length`")
	}
	return o, nil
}

// TranslatedPairs are sources, what they were translated to, and what they should be, as the vocabulary writes it.
type TranslatedPairs struct {
	Sources    []string
	Written    [][]translate.Translation
	References metrics.References
}

// pairsRead is how many pairs are read and translated before the next are read.
const pairsRead = 4096

// translated translates the sources of the pairs. With several, a source that has several targets is translated once.
func (p pairsPart) translated(
	ctx context.Context, t *translate.Translator, o translate.Options, several bool,
) (*TranslatedPairs, error) {
	x := &TranslatedPairs{}
	seen := map[string]int{} // where a source is
	for _, i := range p.which {
		pair, err := p.pairs.Pair(int(i))
		if err != nil {
			return nil, err
		}
		reference := t.Target.Written(pair.Target)
		if at, ok := seen[pair.Source]; ok {
			x.References[at] = append(x.References[at], reference)
			continue
		}
		if several {
			seen[pair.Source] = len(x.Sources)
		}
		x.Sources, x.References = append(x.Sources, pair.Source), append(x.References, []string{reference})
	}
	for at := 0; at < len(x.Sources); at += pairsRead {
		written, err := t.Lines(ctx, at+1, x.Sources[at:min(at+pairsRead, len(x.Sources))], o)
		if err != nil {
			return nil, err
		}
		x.Written = append(x.Written, written...)
	}
	return x, nil
}

// add adds what the translations are worth.
func (m *Metrics) add(x *TranslatedPairs, target *datasets.Vocab, tokenize string) error {
	w, err := translate.Measure(x.Written, x.References, target, metrics.BLEU{Tokenize: tokenize})
	if err != nil {
		return err
	}
	m.ExactMatch, m.CharErrorRate = some(w.ExactMatch), some(w.CharErrorRate)
	m.BLEU, m.ChrF = some(w.BLEU.BLEU), some(w.ChrF)
	m.TranslationNotes = &TranslationNotes{
		Lines: w.Lines, Cut: w.Cut, Unknown: w.Unknown, Subwords: string(w.Subwords), Tokenized: w.Tokenized,
		Undefined: w.BLEU.Undefined, BLEUSignature: w.BLEU.Signature, ChrFSignature: w.ChrFSignature,
	}
	return nil
}

// TranslationNotes are what else there is to know of measures of translations.
type TranslationNotes struct {
	Lines         int    `json:"translated"`                // lines that were translated
	Cut           int    `json:"cut"`                       // of them: translations that were cut at their limit
	Unknown       int    `json:"with_unknown"`              // of them: translations with what stands for an unknown word
	Subwords      string `json:"joined_subwords,omitempty"` // marks of parts that were made words before measuring
	Tokenized     bool   `json:"looks_tokenized,omitempty"` // the references look cut into words already
	Undefined     string `json:"bleu_undefined,omitempty"`  // why there is no BLEU
	BLEUSignature string `json:"bleu_signature"`
	ChrFSignature string `json:"chrf_signature"`
}

// definesBLEU says whether translations can have a BLEU beside the targets of pairs.
func (p pairsPart) definesBLEU(target *datasets.Vocab, tokenize string) (bool, error) {
	var references metrics.References
	for _, i := range p.which {
		pair, err := p.pairs.Pair(int(i))
		if err != nil {
			return false, err
		}
		references = append(references, []string{pair.Target})
	}
	references, _ = translate.References(target, references)
	return metrics.BLEU{Tokenize: tokenize}.Defined(references), nil
}

// unknownWords says how much of pairs the vocabularies do not know, if that is anything.
func (x *translations) unknownWords(where string) []string {
	unknown, all := x.counts.Unknown, x.counts.Tokens
	if unknown[0]+unknown[1] == 0 {
		return nil
	}
	return []string{fmt.Sprintf("unknown %s: %s of the tokens of sources and %s of those of targets; accuracy is "+
		"that of the others",
		where, words.Percent(unknown[0], all[0]), words.Percent(unknown[1], all[1]))}
}
