package run

import (
	"iter"
	"slices"
	"strings"
	"unicode"

	"github.com/unroll-ml/unroll/datasets"
)

// lexicon is what a tagger knows of words.
type lexicon struct {
	model *TagModel
	words *datasets.Vocab // what words are looked up in
	chars *datasets.Vocab // nil: words are not read
	forms *datasets.Vocab // words of the training data as they are written; nil: words has them
}

// unbroken is a word in one piece: vocabularies take white space for what is between words.
func unbroken(word string) string {
	if !strings.ContainsFunc(word, unicode.IsSpace) {
		return word
	}
	return strings.Join(strings.Fields(word), "_")
}

// key is a word as it is looked up.
func (m *TagModel) key(word string) string {
	if m.Lower {
		word = strings.ToLower(word)
	}
	return unbroken(word)
}

// number is the number of a word in a vocabulary, datasets.Unknown if it has none.
func number(v *datasets.Vocab, key string) int32 {
	if tokens, _ := v.EncodeLine(key); len(tokens) == 1 {
		return tokens[0]
	}
	return datasets.Unknown
}

// spelling is a word as a tagger reads it.
type spelling struct {
	word  int32
	chars []int32 // not more than Letters, the first and the last
	known bool    // it is in the training data, as it is written
}

func (l *lexicon) spell(word string) spelling {
	s := spelling{word: number(l.words, l.model.key(word))}
	s.known = s.word != datasets.Unknown
	if l.forms != nil {
		s.known = number(l.forms, unbroken(word)) != datasets.Unknown
	}
	if l.chars != nil {
		chars, _ := l.chars.EncodeLine(word)
		if most := l.model.Letters; len(chars) > most {
			first := (most + 1) / 2
			chars = slices.Concat(chars[:first], chars[len(chars)-(most-first):])
		}
		s.chars = chars
	}
	return s
}

// mapped are words as f gives them.
func mapped(words iter.Seq[string], f func(string) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range words {
			if !yield(f(word)) {
				return
			}
		}
	}
}

// newLexicon is that of words to learn from, and notes in the configuration what it is.
func newLexicon(c *Config, all iter.Seq[string], name string) (*lexicon, error) {
	m := c.Model.Tag
	l := &lexicon{model: m}
	var err error
	if l.words, err = datasets.BuildVocab(c.Model.vocab(), mapped(all, m.key)); err != nil {
		return nil, err
	}
	if err := c.Model.checkVocabSize(l.words, 1, name); err != nil {
		return nil, err
	}
	c.Model.Vocab, c.Model.VocabSHA256 = l.words.Len(), sha256Hex(l.words.JSON())
	if m.Lower || c.Model.Normalize != "" || c.Model.MinFreq > 1 || c.Model.MaxVocab > 0 {
		if l.forms, err = datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Word}, mapped(all, unbroken)); err != nil {
			return nil, err
		}
		m.Forms, m.FormsSHA256 = l.forms.Len(), sha256Hex(l.forms.JSON())
	}
	if m.CharHidden > 0 {
		chars := datasets.VocabConfig{Kind: datasets.Char, Form: datasets.Form(c.Model.Normalize)}
		if l.chars, err = datasets.BuildVocab(chars, all); err != nil {
			return nil, err
		}
		m.Chars, m.CharsSHA256 = l.chars.Len(), sha256Hex(l.chars.JSON())
	}
	return l, nil
}

// files are those of the folder of a run that have the lexicon.
func (l *lexicon) files() map[string][]byte {
	files := map[string][]byte{vocabName: l.words.JSON()}
	if l.chars != nil {
		files[charsName] = l.chars.JSON()
	}
	if l.forms != nil {
		files[formsName] = l.forms.JSON()
	}
	return files
}

// lexicon is that of a run.
func (r *Run) lexicon() *lexicon { return &lexicon{r.config.Model.Tag, r.vocab, r.chars, r.forms} }
