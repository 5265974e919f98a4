package translate_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// decoded are translations that are the references as a model would learn and write them.
func decoded(v *datasets.Vocab, references ...string) [][]translate.Translation {
	var all [][]translate.Translation
	for _, ref := range references {
		tokens, _ := v.EncodeLine(ref)
		all = append(all,
			[]translate.Translation{{Text: v.Decode(tokens), Hypothesis: decode.Hypothesis{Tokens: tokens, Ended: true}}})
	}
	return all
}

// What is all right is all right: whatever white space and marks of subwords references have, of words, byte pairs
// and characters.
func TestPerfectTranslations(t *testing.T) {
	for name, references := range map[string][]string{
		"narrow spaces":         {"J'entends le jardin\u202f!", "Vois-tu la rivière\u202f?"},
		"other spaces":          {"a\u00a0b  c d", "全角\u3000の\u3000空白\u3000だ", "x\u2009y\u2028z\u0085w"},
		"subword-nmt":           {"No@@ us vo@@ yo@@ ns la la@@ mpe !", "Je pe@@ ins !"},
		"SentencePiece":         {"▁No us ▁vo yo ns ▁la ▁la mpe ▁!", "▁Je ▁pe ins ▁!"},
		"marks of line's ends":  {"<s> Nous entendons le jardin ! </s>", "<s> a <unk> c </s>"},
		"names of other tokens": {"<start> Nous voyons </end>", "<pad> <pad> <pad> x"},
		"Thai":                  {"ผมเห็นสวน", "เขาได้ยินแม่น้ำ"},
	} {
		for _, kind := range datasets.Kinds {
			v := vocab(t, kind, 0, references...)
			w, err := translate.Measure(decoded(v, references...), metrics.One(references), v, metrics.BLEU{Tokenize: "char"})
			if err != nil {
				t.Fatal(err)
			}
			if w.ExactMatch != 1 || w.CharErrorRate != 0 || math.Abs(w.BLEU.BLEU-100) > 1e-9 || math.Abs(w.ChrF-100) > 1e-9 ||
				w.Cut+w.Unknown != 0 || w.Lines != len(references) {
				t.Errorf("%s, %s: %+v, %v", name, kind, w, w.BLEU)
			}
		}
	}
}

// BLEU of pieces is that of words; 81.8 of these would be 68.8 after joining, so that the marks must not count as
// words.
func TestSubwordsAreJoined(t *testing.T) {
	references := metrics.One([]string{"No@@ us vo@@ yo@@ ns la la@@ mpe", "Ils en@@ te@@ ndent la la@@ mpe"})
	v := vocab(t, datasets.Word, 0, references[0][0], references[1][0])
	written := decoded(v, "No@@ us vo@@ yo@@ ns la ri@@ mpe", "Ils en@@ te@@ ndent la la@@ mpe")
	written[0][0].Text = "No@@ us vo@@ yo@@ ns la ri@@ mpe"
	w, err := translate.Measure(written, references, v, metrics.BLEU{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := metrics.BLEU{}.Corpus([]string{"Nous voyons la rimpe", "Ils entendent la lampe"},
		metrics.One([]string{"Nous voyons la lampe", "Ils entendent la lampe"}))
	if err != nil {
		t.Fatal(err)
	}
	if w.Subwords != metrics.PartGoesOn || w.BLEU.BLEU != want.BLEU || w.Tokenized || w.ExactMatch != 0.5 ||
		w.CharErrorRate != 2.0/(20+22) {
		t.Errorf("%+v, %v; want %v", w, w.BLEU, want)
	}
}

// Lines that were cut and that hold unknown words are counted.
func TestCounts(t *testing.T) {
	v := vocab(t, datasets.Word, 2, "a a b")
	if w, err := translate.Measure(decoded(v, "a a ."), metrics.One([]string{"a a ."}), v, metrics.BLEU{}); err != nil ||
		!w.Tokenized {
		t.Errorf("%+v, %v: it looks cut into words", w, err)
	}
	written := append(decoded(v, "a", "a b"),
		[]translate.Translation{{Text: "a a a", Hypothesis: decode.Hypothesis{Tokens: []int32{4, 4, 4}}}}, nil)
	w, err := translate.Measure(written, metrics.One([]string{"a", "a b", "a a a a", "b"}), v, metrics.BLEU{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Cut != 1 || w.Unknown != 1 || w.Lines != 4 || w.ExactMatch != 0.25 {
		t.Errorf("%+v", w)
	}
}

var (
	below20 = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen " +
		"fifteen sixteen seventeen eighteen nineteen")
	tens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

// inWords writes a number below 10,000 in words.
func inWords(n int) string {
	join := func(head string, rest int, with string) string {
		if rest == 0 {
			return head
		}
		return head + with + inWords(rest)
	}
	switch {
	case n < 20:
		return below20[n]
	case n < 100:
		return join(tens[n/10], n%10, "-")
	case n < 1000:
		return join(below20[n/100]+" hundred", n%100, " and ")
	}
	return join(inWords(n/1000)+" thousand", n%1000, " ")
}

// Numbers in words are up to sixteen times as long as in digits. Limits that every second number taught hold for all
// others.
func TestLimitsOfNumbers(t *testing.T) {
	var c decode.LengthCounter
	for n := 0; n < 10_000; n += 2 {
		c.Add(len(strconv.Itoa(n))+1, len(inWords(n))+1)
	}
	l := c.Lengths()
	for n := range 10_000 {
		if got, need := l.Limit(len(strconv.Itoa(n))+1), len(inWords(n))+1; got < need {
			t.Fatalf("%d: at most %d tokens, %q and its end are %d", n, got, inWords(n), need)
		}
	}
	if most := l.Limit(5); most > 100 {
		t.Errorf("at most %d tokens for four digits: that is no limit", most)
	}
}
