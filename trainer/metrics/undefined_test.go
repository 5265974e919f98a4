package metrics

import (
	"math"
	"testing"
)

// Where no n-gram of some order is to be had there is no score, and it says why; perfect translations are no exception.
func TestUndefinedBLEU(t *testing.T) {
	words := []string{"Tarodini", "Calish"}
	for _, c := range []struct {
		name       string
		hypotheses []string
		references References
		BLEU
		want      string
		reachable bool // by other hypotheses
	}{
		{"one word", words, One(words), BLEU{}, "targets have fewer than 4 words", false},
		{"no spaces", []string{"他又这这"}, One([]string{"我听见了花园"}), BLEU{}, "targets have fewer than 4 words", false},
		{"four words of three", []string{"a b c d e"}, One([]string{"a b c"}), BLEU{}, "targets have fewer than 4 words", false},
		{"few characters", []string{"ab c"}, One([]string{"ab c"}), BLEU{Tokenize: "char"}, "targets have fewer than 4 characters", false},
		{"nothing written", []string{"", "b"}, One([]string{"a b c d", "e f g h i"}), BLEU{}, "translations have fewer than 4 words", true},
		{"one reference is enough", []string{"a b c d"}, References{{"a", "a b c d"}}, BLEU{}, "", true},
		{"characters are enough", []string{"我听见了花园"}, One([]string{"我听见了花园"}), BLEU{Tokenize: "char"}, "", true},
		{"Chinese words are enough", []string{"我听见了花园"}, One([]string{"我听见了花园"}), BLEU{Tokenize: "zh"}, "", true},
		{"the orders that there are", words, One(words), BLEU{EffectiveOrder: true}, "", true},
	} {
		s, err := c.Corpus(c.hypotheses, c.references)
		if err != nil {
			t.Fatal(err)
		}
		if s.Undefined != c.want || math.IsNaN(s.BLEU) != (c.want != "") || c.want == "" && math.Abs(s.BLEU-100) > 1e-12 {
			t.Errorf("%s: %g, undefined: %q, want %q", c.name, s.BLEU, s.Undefined, c.want)
		}
		if got := c.Defined(c.references); got != c.reachable {
			t.Errorf("%s: can be defined: %v", c.name, got)
		}
	}
	s, err := BLEU{}.Corpus(words, One(words))
	if want := "BLEU is undefined: targets have fewer than 4 words"; err != nil || s.String() != want {
		t.Errorf("%v, %v, want %s", s, err, want)
	}
	s, err = BLEU{EffectiveOrder: true}.Corpus([]string{""}, One([]string{""}))
	if want := "BLEU = 0.00 0.0/0.0/0.0/0.0 (BP = 1.000 ratio = 0.000 hyp_len = 0 ref_len = 0)"; err != nil ||
		s.String() != want {
		t.Errorf("%v, %v, want %s", s, err, want)
	}
}

func TestSubwords(t *testing.T) {
	for _, c := range []struct {
		name   string
		texts  []string
		marks  Subwords
		joined string // the first
	}{
		{"subword-nmt", []string{"No@@ us vo@@ yo@@ ns un@@", "plain"}, PartGoesOn, "Nous voyons un"},
		{"SentencePiece", []string{"▁No us ▁vo yo ns", "▁ok ▁."}, WordBegins, "Nous voyons"},
		{"SentencePiece, no mark at the line's beginning", []string{"No us ▁vo yo ns"}, WordBegins, "Nous voyons"},
		{"SentencePiece in characters", []string{"▁ N o u s ▁ v o i t", "▁ a"}, WordBegins, "Nous voit"},
		{"none", []string{"Nous voyons", "mail me@@", "a ▁ b"}, WholeWords, "Nous voyons"},
		{"an accident", append([]string{"a@@ b"}, make([]string, 100)...), WholeWords, "a@@ b"},
		{"nothing", nil, WholeWords, ""},
	} {
		marks := DetectSubwords(c.texts)
		if marks != c.marks {
			t.Errorf("%s: marks %q, want %q", c.name, marks, c.marks)
		}
		joined := append(marks.JoinAll(c.texts), "")
		if joined[0] != c.joined {
			t.Errorf("%s: joined to %q, want %q", c.name, joined[0], c.joined)
		}
	}
}

func TestLooksTokenized(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  bool
	}{
		{[]string{"It rains .", "They see the horse . ", "Why ?"}, true},
		{[]string{"It rains.", "They see the horse .", "Why?"}, false},
		{nil, false},
	} {
		if got := LooksTokenized(c.texts); got != c.want {
			t.Errorf("%q look tokenized: %v", c.texts, got)
		}
	}
}
