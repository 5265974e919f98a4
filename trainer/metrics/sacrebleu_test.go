package metrics

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goldenScore is what sacreBLEU gave.
type goldenScore struct {
	Score      float64
	Matches    [maxOrder]int
	Counts     [maxOrder]int
	Hypotheses int
	References int
	Signature  string
}

// golden is what testdata/make_sacrebleu.py writes: tokens and scores by sacreBLEU for lines that are easy to get
// wrong.
type golden struct {
	SacreBLEU string
	Lines     []struct {
		Hypothesis string
		References []string
	}
	Words     map[string][][]string // by tokenizer and line
	Sentences map[string][]goldenScore
	Corpus    map[string]goldenScore
	One       map[string]goldenScore `json:"corpus of one reference"`
	Lower     map[string]goldenScore `json:"corpus in lower case"`
	Unsmooth  map[string]goldenScore `json:"corpus not smoothed"`

	ChrFSentences map[string][]goldenScore `json:"chrF sentences"` // by kind and line
	ChrFCorpus    map[string]goldenScore   `json:"chrF corpus"`
	ChrFOne       map[string]goldenScore   `json:"chrF corpus of one reference"`
}

func readGolden(t *testing.T) (g golden, hypotheses []string, references, one References) {
	t.Helper()
	b, err := os.ReadFile("testdata/sacrebleu.json")
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	if g.SacreBLEU != "2.5.1" || len(g.Lines) < 40 {
		t.Fatalf("%d lines by sacreBLEU %s", len(g.Lines), g.SacreBLEU)
	}
	for _, x := range g.Lines {
		hypotheses = append(hypotheses, x.Hypothesis)
		references, one = append(references, x.References), append(one, x.References[:1])
	}
	return g, hypotheses, references, one
}

// holdTo compares a score with sacreBLEU's, and its signature but for who computed it. sacreBLEU has a number where a
// score is undefined: there the counts must say so.
func (want goldenScore) holdTo(t *testing.T, name string, got *Score, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got.Undefined == "" {
		near(t, name, got.BLEU, want.Score)
	} else if !math.IsNaN(got.BLEU) {
		t.Errorf("%s: %g, and undefined: %s", name, got.BLEU, got.Undefined)
	}
	counts := goldenScore{want.Score, got.Matches, got.Counts, got.Hypotheses, got.References,
		withoutVersion(got.Signature)}
	want.Signature = withoutVersion(want.Signature)
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	if !strings.HasSuffix(got.Signature, "|version:unroll") {
		t.Errorf("%s: who computed it? %s", name, got.Signature)
	}
}

func TestTokenizersOfSacreBLEU(t *testing.T) {
	g, hypotheses, _, _ := readGolden(t)
	for _, name := range Tokenizers {
		for i, h := range hypotheses {
			got := BLEU{Tokenize: name}.cut(h)
			if want := g.Words[name][i]; strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s: %q is cut into %q, want %q", name, h, got, want)
			}
		}
	}
}

func TestBLEUOfSacreBLEU(t *testing.T) {
	g, hypotheses, references, one := readGolden(t)
	for _, name := range Tokenizers {
		b := BLEU{Tokenize: name}
		for i, h := range hypotheses {
			s, err := b.Sentence(h, references[i]...)
			g.Sentences[name][i].holdTo(t, name+": "+h, s, err)
		}
		for _, c := range []struct {
			name string
			BLEU
			references References
			want       goldenScore
		}{
			{"corpus", b, references, g.Corpus[name]},
			{"one reference", b, one, g.One[name]},
			{"lower case", BLEU{Tokenize: name, Lowercase: true}, references, g.Lower[name]},
			{"not smoothed", BLEU{Tokenize: name, Smooth: "none"}, references, g.Unsmooth[name]},
		} {
			s, err := c.Corpus(hypotheses, c.references)
			c.want.holdTo(t, name+", "+c.name, s, err)
			if s.Undefined != "" || !(s.BLEU > 0) {
				t.Errorf("%s, %s: %v", name, c.name, s)
			}
		}
	}
}

func TestChrFOfSacreBLEU(t *testing.T) {
	g, hypotheses, references, one := readGolden(t)
	for name, c := range map[string]ChrF{
		"chrF2":       {},
		"chrF2 lc":    {Lowercase: true},
		"chrF2 space": {Whitespace: true},
		"chrF3":       {Beta: 3},
	} {
		hold := func(what string, hypotheses []string, references References, want goldenScore) {
			t.Helper()
			got, signature, err := c.Corpus(hypotheses, references)
			if err != nil {
				t.Fatal(err)
			}
			near(t, name+", "+what, got, want.Score)
			if withoutVersion(signature) != withoutVersion(want.Signature) {
				t.Errorf("%s, %s: signature %s, want %s", name, what, signature, want.Signature)
			}
		}
		for i, h := range hypotheses {
			hold(h, hypotheses[i:i+1], references[i:i+1], g.ChrFSentences[name][i])
		}
		hold("corpus", hypotheses, references, g.ChrFCorpus[name])
		hold("one reference", hypotheses, one, g.ChrFOne[name])
	}
}
