package datasets

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"pgregory.net/rapid"
)

func TestVocab(t *testing.T) {
	text, _ := NewText("a", "banana\n é日")
	v := NewVocab(text)
	if got, want := strings.Join(v.tokens, ""), "\n abné日"; got != want {
		t.Errorf("tokens are %q, want %q", got, want)
	}
	tokens := v.mustEncode(t, text)
	if diff := cmp.Diff(Slice{3, 2, 4, 2, 4, 2, 0, 1, 5, 6}, tokens); diff != "" {
		t.Error(diff)
	}
	if got := v.Decode(tokens); got != "banana\n é日" {
		t.Errorf("decoded %q", got)
	}
	other, _ := NewText("b.txt", "ban\nxé")
	_, err := v.Encode(other)
	want := `b.txt:2:1: the character 'x' (U+0078) is not in the vocabulary of 7 characters that the model was trained with: remove or replace it, or leave out such characters with --skip-unknown`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Any vocabulary comes back from its file, and what it encodes it decodes.
func TestVocabRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(1, 50, -1).Filter(func(s string) bool {
			return utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\r\u0085\ufeff")
		}).Draw(t, "text")
		text, err := NewText("x", s)
		if err != nil {
			t.Fatal(err)
		}
		v := NewVocab(text)
		back, err := parseVocab("vocab.json", v.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Decode(back.mustEncode(t, text)); got != s {
			t.Fatalf("got %q, want %q", got, s)
		}
	})
}

func TestReadVocabRefuses(t *testing.T) {
	text, _ := NewText("x", "ab<é")
	good := NewVocab(text).JSON()
	if want := `{"kind":"char","tokens":["<","a","b","é"]}` + "\n"; string(good) != want {
		t.Fatalf("JSON is %s, want %s", good, want)
	}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "not a JSON vocabulary (unexpected end of JSON input)"},
		{"truncated", string(good[:20]), "not a JSON vocabulary (unexpected end of JSON input)"},
		{"another kind", `{"kind":"labels","tokens":["a"]}`, `kind "labels", want one of ["char" "word" "bpe"]`},
		{"reserves other tokens", `{"kind":"char","special":["<pad>"],"tokens":["a"]}`, `reserves ["<pad>"], want ["<pad>" "<unk>" "<s>" "</s>"]`},
		{"two words", `{"kind":"word","tokens":["a b"]}`, `token 0 is "a b", want one word`},
		{"no word", `{"kind":"word","tokens":["a",""]}`, `token 1 is "", want one word`},
		{"a word twice", `{"kind":"word","tokens":["a","b","a"]}`, `token 0 is "a", and so is another`},
		{"pairs without reserved tokens", `{"kind":"bpe","tokens":["▁"]}`, `reserves nothing, want ["<pad>" "<unk>" "<s>" "</s>"]`},
		{"pairs without beginnings", bpe(`"a","b"`, ""), `no token '▁'`},
		{"a pair of a reserved token", bpe(`"a","▁","a▁"`, "[3,4]"), `merge 0 is of token 3, want one of 4 to 5`},
		{"a pair of a later token", bpe(`"a","▁","▁a"`, "[5,6]"), `merge 0 is of token 6, want one of 4 to 5`},
		{"a pair twice", bpe(`"a","▁","▁a"`, "[5,4],[5,4]"), `merge 1 is of "▁" and "a", and so is another`},
		{"another pair", bpe(`"a","▁","▁a"`, "[4,5]"), `token 2 is "▁a", which no merge makes there`},
		{"a pair too few", bpe(`"a","▁","▁a"`, ""), `token 2 is "▁a", which no merge makes there`},
		{"a pair too many", bpe(`"a","▁"`, "[5,4]"), "differs from the form in which it is written, first at byte 74"},
		{"doubling", bpe(`"a","▁"`, "[4,4],[6,6],[7,7],[8,8],[9,9],[10,10],[11,11],[12,12],[13,13],[14,14],[15,15]"), "merge 8 makes a token longer than 100 characters"},
		{"none", `{"kind":"char","tokens":[]}`, "no tokens"},
		{"two characters", `{"kind":"char","tokens":["a","bc"]}`, `token 1 is "bc", want one character`},
		{"no character", `{"kind":"char","tokens":[""]}`, `token 0 is "", want one character`},
		{"out of order", `{"kind":"char","tokens":["b","a"]}`, `token 1 is 'a', out of order after 'b'`},
		{"twice", `{"kind":"char","tokens":["a","a"]}`, `token 1 is 'a', out of order after 'a'`},
		{"trailing", string(good) + "x", "not a JSON vocabulary (invalid character 'x' after top-level value)"},
		{"duplicate key", `{"kind":"char","tokens":["c"],"tokens":["a"]}`, "differs from the form in which it is written, first at byte 26"},
		{"other case", `{"Kind":"char","tokens":["a"]}`, "differs from the form in which it is written, first at byte 2"},
		{"bad UTF-8", "{\"kind\":\"char\",\"tokens\":[\"a\",\"\xff\"]}\n", "differs from the form in which it is written, first at byte 30"},
		{"unknown field", `{"kind":"char","tokens":["a"],"x":1}`, "differs from the form in which it is written, first at byte 29"},
	} {
		_, err := ReadVocab(write(t, "vocab.json", []byte(c.data)))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an *Error", c.name, err)
		} else if got, _, _ := strings.Cut(e.What, ": the vocabulary is damaged"); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// bpe is the file of a vocabulary of byte pairs.
func bpe(tokens, merges string) string {
	s := `{"kind":"bpe","special":["<pad>","<unk>","<s>","</s>"],"tokens":[` + tokens + `]`
	if merges != "" {
		s += `,"merges":[` + merges + `]`
	}
	return s + "}\n"
}

func FuzzParseVocab(f *testing.F) {
	text, _ := NewText("x", "ab<é\"\\")
	f.Add(NewVocab(text).JSON())
	f.Add([]byte(`{"kind":"word","special":["<pad>","<unk>","<s>","</s>"],"tokens":["the","\n","a"]}` + "\n"))
	f.Add([]byte(bpe(`"a","b","▁","▁a","ab","▁ab"`, "[6,4],[4,5],[6,8],[7,5]")))
	f.Add([]byte(`{"kind":"char","tokens":["\ud800"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseVocab("x", data)
		if err == nil && !bytes.Equal(v.JSON(), data) {
			t.Errorf("read %q, which writes as %q", data, v.JSON())
		}
	})
}

// More characters find their places; the names stay.
func TestVocabWith(t *testing.T) {
	text := func(s string) *Text {
		x, err := NewText("text", s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	v := NewVocab(text("ad"))
	if got := string(v.With(text("dcé"), text("a")).JSON()); got != `{"kind":"char","tokens":["a","c","d","é"]}`+"\n" {
		t.Error(got)
	}
	if v.With(text("da")) != v {
		t.Error("nothing was to be added")
	}
	words := wordVocab(4, []string{"a"})
	if words.With(text("b")) != words {
		t.Error("a vocabulary with Unknown knows what to do")
	}
}
