package metrics

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12*math.Max(1, math.Abs(want))) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: %g, want %g", name, got, want)
	}
}

func TestRates(t *testing.T) {
	scores := [][]float32{{1, 3, 2}, {5, 4, 6}, {2, 2, 2}}
	near(t, "accuracy", TopK(scores, []int32{1, 1, 2}, 1), 1.0/3) // of equal scores only the first is the largest
	near(t, "top 2", TopK(scores, []int32{2, 1, 0}, 2), 2.0/3)
	near(t, "top 3", TopK(scores, []int32{0, 1, 2}, 3), 1)
	near(t, "accuracy of nothing", TopK(nil, nil, 1), math.NaN())
	nan := float32(math.NaN())
	if InTop([]float32{nan, 1}, 0, 1) || InTop([]float32{nan, nan}, 1, 2) || InTop([]float32{nan, 1}, 1, 1) {
		t.Error("what is not a number is in the top")
	}
	near(t, "perplexity", Perplexity(3*math.Log(7), 3), 7)
	near(t, "perplexity of nothing", Perplexity(0, 0), math.NaN())
	near(t, "bits", Bits(6*math.Ln2, 3), 2)
	near(t, "exact match", ExactMatch([]string{"a b", "c ", "d"}, References{{"a b", "y"}, {"x", "c"}, {"x", "D"}}), 2.0/3)
	near(t, "exact match of nothing", ExactMatch(nil, nil), math.NaN())
	near(t, "character error rate", CharErrorRate([]string{"kitten", "日本", ""}, One([]string{"sitting", "日木語", "ab"})),
		(3+2+2)/12.0)
	near(t, "a rate above 1", CharErrorRate([]string{"abc"}, One([]string{"x"})), 3)
	near(t, "the nearest of several references",
		CharErrorRate([]string{"abc"}, References{{"xyz", "abd", "abcd", ""}}), 1.0/4)
	near(t, "character error rate of nothing", CharErrorRate([]string{""}, One([]string{""})), math.NaN())
}

// The distance by its definition, over all ways.
func distanceByDefinition(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	substituted := distanceByDefinition(a[1:], b[1:])
	if a[0] != b[0] {
		substituted++
	}
	return min(substituted, distanceByDefinition(a[1:], b)+1, distanceByDefinition(a, b[1:])+1)
}

func TestLevenshtein(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 6, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := Levenshtein([]byte(a), []byte(b)), distanceByDefinition(a, b); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}

// The example of sacreBLEU's manual, with two references.
var (
	dog     = []string{"The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."}
	dogRefs = [][]string{
		{"The dog bit the man.", "It was not unexpected.", "The man bit him first."},
		{"The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."},
	}
)

// Sentences with what tokenizers treat differently.
var (
	odd = []string{"Two dogs (one of them brown) run, fast!", "He paid $3.50 -- or 1,000 yen.",
		`"A-1" &amp; "B-2": 50% off`, "Ein Mann mit Hut", "ein mann"}
	oddRefs = [][]string{{"Two dogs, one brown, run fast!", "He paid $3.50, or 1,000 yen.", `"A-1" & "B-2": 50 % off.`,
		"Ein Mann mit einem Hut.", "Ein Mann."}}
)

// lines are sets of references line by line.
func lines(sets [][]string) References {
	all := make(References, len(sets[0]))
	for _, set := range sets {
		for i, ref := range set {
			all[i] = append(all[i], ref)
		}
	}
	return all
}

func TestBLEU(t *testing.T) {
	for _, c := range []struct {
		name       string
		hypotheses []string
		references [][]string
		BLEU
		want      float64
		signature string // with sacreBLEU's version
	}{
		// The expected scores of sacreBLEU's own tests.
		{"two references", dog, dogRefs, BLEU{}, 48.530827, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0"},
		{"two references, white space", dog, dogRefs, BLEU{Tokenize: "none"}, 49.1919566, "nrefs:2|case:mixed|eff:no|tok:none|smooth:exp|version:2.0.0"},
		{"two references, international", dog, dogRefs, BLEU{Tokenize: "intl"}, 43.91623493, "nrefs:2|case:mixed|eff:no|tok:intl|smooth:exp|version:2.0.0"},
		{"two references, not smoothed", dog, dogRefs, BLEU{Smooth: "none"}, 48.530827, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:none|version:2.0.0"},
		{"empty hypotheses", []string{"", "", ""}, dogRefs, BLEU{}, math.NaN(), "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0"},
		{"nothing in common", []string{"this is a cat"}, [][]string{{"okay thanks"}}, BLEU{}, math.NaN(), "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0"},
		// Measured with sacreBLEU.
		{"odd", odd, oddRefs, BLEU{}, 55.1803, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
		{"odd, white space", odd, oddRefs, BLEU{Tokenize: "none"}, 15.4673, "nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|version:2.6.0"},
		{"odd, international", odd, oddRefs, BLEU{Tokenize: "intl"}, 51.8981, "nrefs:1|case:mixed|eff:no|tok:intl|smooth:exp|version:2.6.0"},
		{"odd, lower case", odd, oddRefs, BLEU{Lowercase: true}, 56.7375, "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:2.6.0"},
		{"closest lengths", []string{"a b c d e", "k l m n o p"}, [][]string{{"a b c x d e f", "k l m n o p q r s"}, {"a b c", "k l m n o p q"}, {"z", "k l"}}, BLEU{},
			78.5629, "nrefs:3|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
		{"short, smoothed", odd[3:4], [][]string{oddRefs[0][3:4]}, BLEU{}, 38.7539, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
		{"short, not smoothed", odd[3:4], [][]string{oddRefs[0][3:4]}, BLEU{Smooth: "none"}, 0, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:none|version:2.6.0"},
	} {
		s, err := c.Corpus(c.hypotheses, lines(c.references))
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(s.BLEU-c.want) <= 5e-5) && !(math.IsNaN(s.BLEU) && math.IsNaN(c.want)) {
			t.Errorf("%s: %g, want %g", c.name, s.BLEU, c.want)
		}
		if got, want := withoutVersion(s.Signature), withoutVersion(c.signature); got != want {
			t.Errorf("%s: signature %s, want %s", c.name, got, want)
		}
	}
	s, err := BLEU{}.Corpus(dog, lines(dogRefs))
	if want := "BLEU = 48.53 82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)"; err != nil ||
		s.String() != want {
		t.Errorf("%v, %v, want %s", s, err, want)
	}
}

func withoutVersion(signature string) string {
	s, _, _ := strings.Cut(signature, "|version:")
	return s
}

func TestChrF(t *testing.T) {
	const (
		obama = "Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich."
		ref   = "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich."
	)
	one := func(s ...string) [][]string { return [][]string{s} }
	for _, c := range []struct {
		name       string
		hypotheses []string
		references [][]string
		ChrF
		want      float64
		signature string // with sacreBLEU's version
	}{
		// The expected scores of sacreBLEU's manual and its own tests.
		{"two references", dog, dogRefs, ChrF{}, 59.73, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"a character", []string{"a"}, one("a"), ChrF{Beta: 3}, 100, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"white space", []string{"a b c"}, one("abc"), ChrF{Beta: 3}, 100, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"nothing", []string{""}, one("reference"), ChrF{Beta: 3}, 0, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"one of two", []string{"a", "b"}, one("a", "c"), ChrF{Beta: 3}, 50, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"a half", []string{"aa"}, one("ab"), ChrF{Beta: 3}, 25, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.0.0"},
		{"with white space", []string{obama}, one(ref), ChrF{Beta: 3, Whitespace: true}, 67.3481606, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:yes|version:2.0.0"},
		// Measured with sacreBLEU.
		{"odd", odd, oddRefs, ChrF{}, 61.2589, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"},
		{"equally bad references", []string{"abc", "the cat"}, [][]string{{"xyz", "the hat"}, {"uvwxyzuvw", "a rat"}}, ChrF{},
			19.7354, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"},
		{"odd, lower case", odd, oddRefs, ChrF{Lowercase: true}, 64.9349, "nrefs:1|case:lc|eff:yes|nc:6|nw:0|space:no|version:2.6.0"},
		{"odd, with white space", odd, oddRefs, ChrF{Whitespace: true}, 64.1538, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:yes|version:2.6.0"},
		{"odd, beta 1", odd, oddRefs, ChrF{Beta: 1}, 60.3939, "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"},
	} {
		got, signature, err := c.Corpus(c.hypotheses, lines(c.references))
		if err != nil {
			t.Fatal(err)
		}
		tolerance := 5e-5
		if c.want == 59.73 { // printed with two decimals
			tolerance = 5e-3
		}
		if !(math.Abs(got-c.want) <= tolerance) {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
		if got, want := withoutVersion(signature), withoutVersion(c.signature); got != want {
			t.Errorf("%s: signature %s, want %s", c.name, got, want)
		}
	}
}

func TestCorpusRefuses(t *testing.T) {
	for name, f := range map[string]func() error{
		"a tokenizer":   func() error { _, err := BLEU{Tokenize: "14"}.Corpus(dog, lines(dogRefs)); return err },
		"a smoothing":   func() error { _, err := BLEU{Smooth: "floor"}.Corpus(dog, lines(dogRefs)); return err },
		"no references": func() error { _, err := BLEU{}.Corpus(dog, make(References, len(dog))); return err },
		"too few":       func() error { _, err := BLEU{}.Corpus(dog, One(dogRefs[0][:2])); return err },
		"too many":      func() error { _, _, err := ChrF{}.Corpus(dog[:2], One(dogRefs[0])); return err },
	} {
		if f() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTokenize(t *testing.T) {
	for _, c := range []struct{ tokenizer, text, want string }{
		{"13a", "Hello, world! (1,000.5) 9-5 a-b don't 5.", "Hello , world ! ( 1,000.5 ) 9 - 5 a-b don't 5 ."},
		{"13a", "&quot;A&amp;B&quot; &lt;x&gt;<skipped> end-\ning of\nline", `" A & B " < x > ending of line`},
		{"intl", "Hello, “world”! 1,000.5 a-b 5. €3, in 1990.", "Hello , “ world ” ! 1,000.5 a - b 5 . € 3 , in 1990."},
		{"none", " a,  b\t&amp; ", "a, b &amp;"},
	} {
		if got := strings.Join(tokenizers[c.tokenizer].cut(c.text), " "); got != c.want {
			t.Errorf("%s: %s", c.tokenizer, cmp.Diff(c.want, got))
		}
	}
}

func BenchmarkCorpus(b *testing.B) {
	var hypotheses, references []string
	for range 200 {
		hypotheses = append(hypotheses, odd...)
		references = append(references, oddRefs[0]...)
	}
	b.Run("BLEU", func(b *testing.B) {
		for b.Loop() {
			if _, err := (BLEU{}).Corpus(hypotheses, One(references)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ChrF", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := (ChrF{}).Corpus(hypotheses, One(references)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
