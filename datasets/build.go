package datasets

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
)

// VocabConfig says which vocabulary to build.
type VocabConfig struct {
	Kind  Kind
	Least int  // a unit, for BPE a character or a pair, that occurs less often is left out
	Size  int  // the most tokens, the four reserved ones included; 0: DefaultBPE for BPE, and any number otherwise
	Form  Form // that texts are brought to, then and later

	// UnkIsUnknown says of kind Word that <unk> in a text means Unknown, as in the Penn Treebank's. Otherwise
	// it is a word like any other, as the names of the other reserved tokens always are.
	UnkIsUnknown bool
}

// DefaultBPE is the number of tokens of a vocabulary of kind BPE if nothing else is said.
const DefaultBPE = 8000

// BuildVocab is the vocabulary of texts, or of the lines of texts. It reserves Pad, Unknown, Start and End.
// Characters are in the order of their code points, words in that of how often they occur, the most frequent
// first and equally frequent ones in that of their bytes, byte pairs in the order in which they were learned.
// The same texts in any order give the same vocabulary.
func BuildVocab(c VocabConfig, texts iter.Seq[string]) (*Vocab, error) {
	if err := c.Form.Check(); err != nil {
		return nil, err
	}
	if err := cmp.Or(setting.AtLeast("Size", c.Size, 0),
		setting.Set("texts", texts != nil, "the texts to learn from")); err != nil {
		return nil, err
	}
	v, err := buildVocab(c, func(yield func(string) bool) {
		for s := range texts {
			if !yield(c.Form.apply(s)) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	v.form = c.Form
	return v, nil
}

func buildVocab(c VocabConfig, texts iter.Seq[string]) (*Vocab, error) {
	switch c.Kind {
	case Char:
		counts := map[rune]int{}
		for s := range texts {
			for _, r := range s {
				counts[r]++
			}
		}
		runes := frequent(counts, c.Least)
		if c.Size > 0 && len(specialNames)+len(runes) > c.Size {
			if err := checkSize(c.Size, len(specialNames)); err != nil {
				return nil, err
			}
			byCount(runes, counts)
			runes = runes[:c.Size-len(specialNames)]
			slices.Sort(runes)
		}
		return charVocab(len(specialNames), runes), nil
	case Word:
		counts := map[string]int{}
		for s := range texts {
			for w := range eachWord(s) {
				if _, ok := counts[w]; !ok {
					w = strings.Clone(w) // not to keep all of s
				}
				counts[w]++
			}
		}
		if c.UnkIsUnknown {
			delete(counts, specialNames[Unknown])
		}
		maps.DeleteFunc(counts, func(_ string, n int) bool { return n < c.Least })
		list := slices.Collect(maps.Keys(counts))
		byCount(list, counts)
		if c.Size > 0 && len(specialNames)+len(list) > c.Size {
			if err := checkSize(c.Size, len(specialNames)); err != nil {
				return nil, err
			}
			list = list[:c.Size-len(specialNames)]
		}
		return wordVocab(len(specialNames), list), nil
	case BPE:
		size := c.Size
		if size == 0 {
			size = DefaultBPE
		}
		return trainBPE(texts, size, c.Least)
	}
	return nil, fmt.Errorf("there is no vocabulary of kind %q; the kinds are %v", c.Kind, Kinds)
}

// byCount sorts units: the most frequent first, equally frequent ones in their own order.
func byCount[T cmp.Ordered](units []T, counts map[T]int) {
	slices.SortFunc(units, func(a, b T) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// checkSize says whether a vocabulary of size tokens has room for those it must have and one more.
func checkSize(size, must int) error {
	if size > must {
		return nil
	}
	return &Error{File: "the vocabulary", What: fmt.Sprintf("of %d tokens has no room for the %d that are reserved or "+
		"single characters: make it larger, or leave out rare characters", size, must)}
}
