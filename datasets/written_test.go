package datasets

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// oddSpaces are texts with white space that a vocabulary of words does not keep.
var oddSpaces = []string{
	"J'entends le jardin\u202f!", "a\u00a0b  c", "全角\u3000空白", "x\u2009y\u2028z\u0085w", " a\tb ",
	"two\n lines\n\nof it ", "a ▁b ▁ c▁d", "", " ",
}

func vocabOf(t interface{ Fatal(...any) }, kind Kind, least int, texts ...string) *Vocab {
	v, err := BuildVocab(VocabConfig{Kind: kind, Least: least, Size: 300}, slices.Values(texts))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Written is what is left of a text after it was encoded and decoded.
func TestWritten(t *testing.T) {
	for _, kind := range Kinds {
		v := vocabOf(t, kind, 0, oddSpaces...)
		for _, s := range oddSpaces {
			tokens, unknown := v.EncodeLine(s)
			if got, want := v.Written(s), v.Decode(tokens); got != want || unknown != 0 {
				t.Errorf("%s: %q is written as %q, and decoded to %q", kind, s, got, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("ab1.é \t\n\u00a0\u2028▁"))).Draw(t, "s")
		for _, kind := range Kinds {
			v := vocabOf(t, kind, 0, s, "ab1.é")
			tokens, _ := v.EncodeLine(s)
			if got, want := v.Written(s), v.Decode(tokens); got != want {
				t.Fatalf("%s: %q is written as %q, and decoded to %q", kind, s, got, want)
			}
		}
	})
	for kind, want := range map[Kind]string{Char: "Bab\u202f b", Word: "Bab b", BPE: "Bab b"} { // of an unknown word
		if got := vocabOf(t, kind, 0, "a b").Written("Bab\u202f b"); got != want {
			t.Errorf("%s: an unknown word is written as %q, want %q", kind, got, want)
		}
	}
}

// There is a unit for each token, and those of words are all of the text.
func TestUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("abcdé12., \t\n\u00a0▁日"))).Draw(t, "s")
		for _, kind := range Kinds {
			v := vocabOf(t, kind, 0, "abc ab abcd bc 12", "ab ab.")
			tokens, unknown := v.EncodeLine(s)
			units := v.Units(s)
			if len(units) != len(tokens) {
				t.Fatalf("%s: %d units of %q, and %d tokens", kind, len(units), s, len(tokens))
			}
			for i, token := range tokens {
				if token == Unknown {
					unknown--
				} else if want := v.Name(token); units[i] != want && (kind != BPE || units[i] != strings.TrimPrefix(want, "▁")) {
					t.Fatalf("%s: unit %d of %q is %q, and the token is %q", kind, i, s, units[i], want)
				}
			}
			visible := func(s string) string { return strings.Join(strings.FieldsFunc(s, separates), "") }
			if whole := visible(strings.Join(units, "")); unknown != 0 || whole != visible(s) {
				t.Fatalf("%s: %q has the units %q, %d unknown ones are missing", kind, s, units, unknown)
			}
		}
	})
}

func separates(r rune) bool { return unicode.IsSpace(r) || r == wordStart }

func TestDecodeWith(t *testing.T) {
	ask := func(i int) string { return fmt.Sprintf("[%d]", i) }
	for kind, want := range map[Kind]string{Char: "a[1]a", Word: "a [1] a", BPE: "a [2] a"} {
		v := vocabOf(t, kind, 2, "a a a a")
		text := map[Kind]string{Char: "aza", Word: "a z a", BPE: "a z a"}[kind]
		tokens, unknown := v.EncodeLine(text)
		if got := v.DecodeWith(append(tokens, End, Unknown), ask); got != want || unknown != 1 {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// The names of reserved tokens in a text are words like any others, but <unk> where that was asked for.
func TestReservedNames(t *testing.T) {
	text := "<s> hello <unk> <pad> </s>"
	for _, unk := range []bool{false, true} {
		v, err := BuildVocab(VocabConfig{Kind: Word, UnkIsUnknown: unk}, slices.Values([]string{text}))
		if err != nil {
			t.Fatal(err)
		}
		if v, err = parseVocab("itself", v.JSON()); err != nil {
			t.Fatal(err)
		}
		tokens, unknown := v.EncodeLine(text)
		want := []bool{false, false, unk, false, false}
		for i, token := range tokens {
			if (token == Unknown) != want[i] || token < v.Reserved() && !want[i] {
				t.Errorf("<unk> is unknown: %v; word %d of %q is token %d", unk, i, text, token)
			}
		}
		if got := v.Decode(tokens); got != text || (unknown > 0) != unk {
			t.Errorf("<unk> is unknown: %v; %q became %q, %d unknown", unk, text, got, unknown)
		}
	}
}
