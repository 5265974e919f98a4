package datasets

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// What is written as one character or as two is the same to a vocabulary with a normal form, then and later.
func TestForms(t *testing.T) {
	const name = "José ﬁve"
	for _, kind := range Kinds {
		v := build(t, VocabConfig{Kind: kind, Form: NFC}, norm.NFD.String(name))
		back, err := parseVocab("x", v.JSON())
		if err != nil {
			t.Fatal(err)
		}
		composed, unknown := back.EncodeLine(norm.NFC.String(name))
		decomposed, more := back.EncodeLine(norm.NFD.String(name))
		if !slices.Equal(composed, decomposed) || unknown+more > 0 || back.Decode(composed) != name {
			t.Errorf("%s: %v and %v, %q", kind, composed, decomposed, back.Decode(composed))
		}
	}
	v := build(t, VocabConfig{Kind: Char, Form: NFKC}, name)
	if tokens, _ := v.EncodeLine("ﬁ"); v.Decode(tokens) != "fi" {
		t.Errorf("the ligature is %q", v.Decode(tokens))
	}
	if _, err := BuildVocab(VocabConfig{Kind: Char, Form: "nfx"}, slices.Values([]string{"a"})); err == nil {
		t.Error("made a vocabulary of a form that there is not")
	}
	for data, want := range map[string]string{
		`{"kind":"char","tokens":["a"],"normalize":"nfc"}`: `normalizes to nfc and reserves nothing, want ["<pad>" "<unk>" "<s>" "</s>"]`,
		`{"kind":"char","tokens":["a"],"normalize":"nfd"}`: `there is no normal form "nfd"; there are ["nfc" "nfkc"]`,
		`{"kind":"word","tokens":["a"],"spaces":"kept"}`:   `spaces "kept" in a vocabulary of kind word`,
	} {
		if _, err := parseVocab("x", []byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestCoverage(t *testing.T) {
	const name = "Zoé Müller"
	for _, c := range []struct {
		kind            Kind
		learned, read   string
		tokens, unknown int
		hint            string
	}{
		{Char, name, name, 10, 0, ""},
		{Char, name, norm.NFD.String(name), 12, 3, "in the normal form NFC there would be 0"}, // two marks and u; e is known from Müller
		{Char, norm.NFD.String(name), norm.NFC.String(name), 10, 2, "in the normal form NFD there would be 0"},
		{Word, name + " is", norm.NFD.String(name) + " is here", 4, 3, "in the normal form NFC there would be 1"},
		{Char, name, "ЯZ", 2, 1, ""},
	} {
		v := build(t, VocabConfig{Kind: c.kind}, c.learned)
		var got Coverage
		got.Encode(v, c.read)
		got.Encode(v, "")
		hint := got.Hint()
		if got.Tokens != c.tokens || got.Unknown != c.unknown || !strings.HasPrefix(hint, c.hint) ||
			(c.hint == "") != (hint == "") {
			t.Errorf("%s of %q: %d of %d unknown, %q", c.kind, c.read, got.Unknown, got.Tokens, hint)
		}
	}
	// Without a token for what is unknown, it is left out, and counted all the same.
	text, _ := NewText("x", "abc")
	var got Coverage
	if tokens := got.Encode(NewVocab(text), "adb"); len(tokens) != 2 || got.Tokens != 3 || got.Unknown != 1 {
		t.Errorf("%+v", got)
	}
}

// A text with a character that a vocabulary lacks and cannot call unknown, in memory and on the disk.
func TestEncodeKnown(t *testing.T) {
	learned, _ := NewText("x", "ab\n")
	v := NewVocab(learned)
	s := strings.Repeat("ab’c\n", 2*blockBytes/6+10)
	text, _ := NewText("x", s)
	for _, text := range []*Text{text, onDisk(t, s)} {
		if _, err := v.Encode(text); err == nil {
			t.Error("encoded what is not known")
		}
		tokens, left, err := v.EncodeKnown(text)
		if err != nil {
			t.Fatal(err)
		}
		got := make(Slice, tokens.Len())
		if err := tokens.Read(0, got); err != nil {
			t.Fatal(err)
		}
		if v.Decode(got) != strings.NewReplacer("’", "", "c", "").Replace(s) {
			t.Errorf("%q", v.Decode(got))
		}
		if left != 2*strings.Count(s, "ab") || v.Unknown(tokens) != 0 {
			t.Errorf("%d left out, %d unknown", left, v.Unknown(tokens))
		}
	}
}
