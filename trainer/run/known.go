package run

import (
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
)

// What of data is lost on the way into a model, and is to be said.

// UnknownWords says how much of data, which of names, a model does not know; "" if nothing.
func UnknownWords(of string, c datasets.Coverage) string {
	return unknownWords(of, c.Unknown, c.Tokens, c.Hint())
}

func unknownWords(of string, unknown, tokens int, hint string) string {
	if unknown == 0 {
		return ""
	}
	s := fmt.Sprintf("%s: %s of %s (%s) %s unknown", of, words.Thousands(unknown), words.Count(tokens, "token", "tokens"),
		words.Percent(unknown, tokens), words.Which(unknown, "is", "are"))
	if hint != "" {
		s += "; " + hint
	}
	return s
}

// hintBlocks is how much of a text is looked at to say why tokens are unknown.
const hintBlocks = 64

// unknownInText is UnknownWords of a text that was encoded.
func unknownInText(of string, v *datasets.Vocab, t *datasets.Text, tokens datasets.Sequence) (string, error) {
	unknown := v.Unknown(tokens)
	if unknown == 0 {
		return "", nil
	}
	var c datasets.Coverage
	var failed error
	n := 0
	for s := range t.Blocks(&failed) {
		if n++; n > hintBlocks {
			break
		}
		c.Encode(v, s)
	}
	return unknownWords(of, unknown, tokens.Len(), c.Hint()), failed
}

// known are the notes of what is unknown: of each part of the data, in turn.
func known(parts ...string) (notes []string) {
	for _, s := range parts {
		if s != "" {
			notes = append(notes, s)
		}
	}
	return notes
}

// spaces counts the characters of texts and the white space that a vocabulary does not keep of them.
type spaces struct{ all, lost int }

// count counts while texts are read.
func (n *spaces) count(kind datasets.Kind, texts iter.Seq[string]) iter.Seq[string] {
	if kind != datasets.Word {
		return texts
	}
	return func(yield func(string) bool) {
		for s := range texts {
			n.all += utf8.RuneCountInString(s)
			n.lost += datasets.LostSpace(s)
			if !yield(s) {
				return
			}
		}
	}
}

// note says what was lost.
func (n *spaces) note() string {
	if n.lost == 0 {
		return ""
	}
	return fmt.Sprintf("white space between words becomes one space: %s lost, %s of the text",
		words.Count(n.lost, "character of it is", "characters of it are"), words.Percent(n.lost, n.all))
}

// unusualShare says that a validation part is far from the size that was asked for.
func (c *Config) unusualShare(name string, train, valid int) string {
	want := c.Data.validShare() * float64(train+valid)
	if d := float64(valid) - want; d*d <= want*want/4 || d*d <= 1 {
		return ""
	}
	return fmt.Sprintf("%s: %s of %s for validation (%s), not %g%%: equal texts stay together, and each class "+
		"keeps an example", name,
		words.Thousands(valid), words.Thousands(train+valid), words.Percent(valid, train+valid), 100*c.Data.validShare())
}

const (
	sameWords    = "the validation data are those that the model learns from: how well it does on others stays unknown"
	learnedWords = "the run was trained on these data: how well it does on others stays unknown"
)

// sameText is sameData of a language model.
func sameText(c *Config) string {
	if c.Data.ValidSHA256 != c.Data.TextSHA256 {
		return ""
	}
	return sameWords
}

// sameData says that what a run is validated on is what it learns from.
func sameData(train, valid *Source) string {
	if train == nil || valid == nil || train.SHA256 != valid.SHA256 || train.Kind != valid.Kind || train.Kind == KindIDX {
		return ""
	}
	return sameWords
}
