package translate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

func vocab(t *testing.T, kind datasets.Kind, least int, texts ...string) *datasets.Vocab {
	t.Helper()
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: kind, Least: least}, slices.Values(texts))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// untrained is a translator with the weights that a model begins with: it writes nonsense, and always the same.
func untrained(t *testing.T) *translate.Translator {
	t.Helper()
	return untrainedOn(t, cpu.New(cpu.Threads(1)))
}

func untrainedOn(t *testing.T, d tape.Device) *translate.Translator {
	t.Helper()
	v := vocab(t, datasets.Char, 0, "abcdefgh ")
	c := trainer.Seq2SeqConfig{TeacherForcing: 1, Device: d}
	c.Model.Source, c.Model.Target, c.Model.Tokens, c.Model.Attention = v.Len(), v.Len(), models.DefaultTokens,
		models.General{}
	c.Model.Cell, c.Model.Embed, c.Model.Hidden, c.Model.Layers = models.CellConfig{Kind: "gru"}, 8, 16, 1
	c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
	m, err := trainer.NewSeq2Seq(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	lengths := decode.Lengths{Mean: 1.5, Longest: []decode.Reach{{Source: 1, Target: 4}}}
	return &translate.Translator{Model: m, Source: v, Target: v, Lengths: lengths}
}

// What is written for a line is the same whatever is translated with it, and its scores but for rounding.
func TestTranslatorTogether(t *testing.T) {
	var lines []string
	random := rand.New(rand.NewPCG(1, 2))
	for range 16 {
		var b strings.Builder
		for range 1 + random.IntN(20) {
			b.WriteByte("abcdefgh"[random.IntN(8)])
		}
		lines = append(lines, b.String())
	}
	lines[3], lines[10] = "", "  "
	for name, set := range map[string]func(o *translate.Options){
		"greedy":       func(*translate.Options) {},
		"with weights": func(o *translate.Options) { o.Weights = true },
		"beam":         func(o *translate.Options) { o.Beam = decode.Beam{Width: 5, Best: 2, Length: 0.6} },
		"no repeats":   func(o *translate.Options) { o.Beam.NoRepeat = 2 },
		"drawn": func(o *translate.Options) {
			o.Sampling, o.Seed, o.Beam.Best = &decode.Sampling{Temperature: 1}, 7, 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := untrained(t)
			var o translate.Options
			set(&o)
			together, err := x.Lines(t.Context(), 1, lines, o)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range lines {
				alone, err := x.Lines(t.Context(), 1+i, []string{line}, o)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(alone[0], together[i], nearly); diff != "" {
					t.Errorf("line %d %q: %s", i, line, diff)
				}
				if blank := strings.TrimSpace(line) == ""; blank != (len(together[i]) == 0) {
					t.Errorf("line %d %q has %d translations", i, line, len(together[i]))
				}
				limit := x.Lengths.Limit(len(line) + 1)
				for _, w := range together[i] {
					if n := len(w.Tokens); n > limit || !w.Ended && n < limit {
						t.Errorf("line %d has %d tokens, the limit is %d; ended: %v", i, n, limit, w.Ended)
					}
				}
			}
		})
	}
}

// Every device writes the same: one whose programs share memory and leave out what has ended, and one that does
// neither.
func TestTranslatorDevices(t *testing.T) {
	lines := []string{"abcdefgh", "a", "", "hg", "bcd", "ef", "hhhhhhhh", "gfe", "cab", "bd"}
	o := translate.Options{Beam: decode.Beam{Width: 3, Best: 2, Length: 0.6}}
	want, err := untrainedOn(t, ref.New()).Lines(t.Context(), 1, lines, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []tape.Device{cpu.New(cpu.Threads(2)), cuda.New(sim.New(sim.Config{}))} {
		got, err := untrainedOn(t, d).Lines(t.Context(), 1, lines, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, nearly); diff != "" {
			t.Errorf("%s: %s", d.Name(), diff)
		}
	}
}

// nearly compares numbers but for the rounding of sums whose terms are added in another order.
var nearly = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-5*max(1, math.Abs(a)) })

// A beam of one row is the likeliest token at every step, as the model writes it by itself.
func TestTranslatorGreedy(t *testing.T) {
	x, lines := untrained(t), []string{"abc", "hgfedcba", "a a"}
	var o translate.Options
	plain, err := x.Lines(t.Context(), 1, lines, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		source, _ := x.Source.EncodeLine(line)
		source = append(source, datasets.End)
		h := plain[i][0]
		tokens, err := x.Model.(*trainer.Seq2Seq).Greedy(source, 1, len(h.Tokens))
		if err != nil || !slices.Equal(tokens, h.Tokens) || h.LogProb == 0 || h.LogProb != h.Score {
			t.Errorf("%q: %+v, greedy %v, %v", line, h, tokens, err)
		}
	}
	o.Beam.MaxLength = 2
	if short, err := x.Lines(t.Context(), 1, lines[:1], o); err != nil || len(short[0][0].Tokens) != 2 ||
		short[0][0].Ended {
		t.Errorf("%+v, %v: at most 2 tokens were wanted", short, err)
	}
	o.Beam.MaxLength, x.Lengths = 0, decode.Lengths{}
	if _, err := x.Lines(t.Context(), 1, lines, o); err == nil {
		t.Error("a model without lengths needs no limit")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := untrained(t).Lines(stopped, 1, lines, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: it was to stop", err)
	}
}

// counted notes how many tokens of sources are read at once, for beams.
type counted struct {
	scripted
	most *int
}

func (c counted) Search(source []int32, batch int, b decode.Beam) ([][]decode.Hypothesis, error) {
	*c.most = max(*c.most, len(source)*b.Width)
	return c.scripted.Search(source, batch, b)
}

// However long lines are, few enough are translated together; results are not kept of more lines at once than
// weights fit.
func TestTranslatorMemory(t *testing.T) {
	x, most := untrained(t), 0
	x.Model = counted{scripted{decode.Hypothesis{Tokens: []int32{datasets.End}, Ended: true}}, &most}
	lines := slices.Repeat([]string{strings.Repeat("a", 500)}, 320)
	for _, o := range []translate.Options{{}, {Weights: true}, {Beam: decode.Beam{Width: 4}}} {
		most, o.Beam.MaxLength = 0, 1020
		if _, err := x.Lines(t.Context(), 1, lines, o); err != nil || most < 512 || most > 1<<15 {
			t.Errorf("%+v: %d tokens at once, %v", o, most, err)
		}
		if n := o.Block(); o.Weights && n > 16 || n < 16 {
			t.Errorf("%+v: %d lines", o, n)
		}
	}
}

// scripted finds the same hypothesis for every source.
type scripted struct{ decode.Hypothesis }

func (scripted) StepCost() tape.StepCost { return tape.StepCost{Rows: 4, Padded: 1} }

func (s scripted) Search(_ []int32, batch int, _ decode.Beam) ([][]decode.Hypothesis, error) {
	return slices.Repeat([][]decode.Hypothesis{{s.Hypothesis}}, batch), nil
}

func (s scripted) Greedy(_ []int32, batch, steps int) ([]int32, error) {
	var tokens []int32
	for i := range steps {
		token := datasets.Pad
		if i < len(s.Tokens) {
			token = s.Tokens[i]
		}
		tokens = append(tokens, slices.Repeat([]int32{token}, batch)...)
	}
	return tokens, nil
}

func (s scripted) Sample([]int32, int, int, []int, decode.Sampling, []*rand.Rand) ([][]decode.Hypothesis, error) {
	return nil, fmt.Errorf("nothing is drawn")
}

// A name that occurs once is written as what stands for unknown words, or copied, wherever the attention looked, or
// replaced by a dictionary's word; never is another word written for it.
func TestReplaceUnknown(t *testing.T) {
	english, french := "Babeza wants the boat .", "Babeza veut le bateau ."
	source, target := vocab(t, datasets.Word, 2, english, "wants the boat .", "x y z"),
		vocab(t, datasets.Word, 2, french, "veut le bateau .")
	tokens, unknown := target.EncodeLine(french)
	if unknown != 1 {
		t.Fatalf("%d words of %q are unknown", unknown, french)
	}
	h := decode.Hypothesis{Tokens: append(tokens, datasets.End), Ended: true}
	for i := range h.Tokens {
		w := []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.5} // the end is looked at most, and is no word
		w[min(i+1, 4)] = 0.2
		h.Weights = append(h.Weights, w)
	}
	path := filepath.Join(t.TempDir(), "words.tsv")
	if err := os.WriteFile(path, []byte("x\ty\nBabeza\tBabésa\nBabeza\tlater\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	words, err := translate.ReadDictionary(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]*translate.Replacement{
		"<unk> veut le bateau .":  nil,
		"Babeza veut le bateau .": {},
		"Babésa veut le bateau .": {Words: words},
	} {
		x := &translate.Translator{Model: scripted{h}, Source: source, Target: target}
		got, err := x.Lines(t.Context(), 1, []string{english},
			translate.Options{Beam: decode.Beam{MaxLength: 20}, Unknown: r})
		if err != nil {
			t.Fatal(err)
		}
		if got[0][0].Text != want || got[0][0].Unknowns() != 1 {
			t.Errorf("written %q with %d unknown words, want %q", got[0][0].Text, got[0][0].Unknowns(), want)
		}
	}
	// Both names are unknown, and so is the verb, for which no unknown word is left; the attention always looks at
	// "sees".
	h = decode.Hypothesis{Tokens: []int32{datasets.Unknown, datasets.Unknown, datasets.Unknown, datasets.End}, Ended: true}
	h.Weights = slices.Repeat([][]float64{{0.1, 0.6, 0.3, 0}}, 4)
	two := &translate.Translator{Model: scripted{h}, Source: vocab(t, datasets.Word, 0, "sees"), Target: target}
	got, err := two.Lines(t.Context(), 1, []string{"Babeza sees Hivero"},
		translate.Options{Beam: decode.Beam{MaxLength: 20}, Unknown: &translate.Replacement{}})
	if err != nil || got[0][0].Text != "Hivero Babeza sees" {
		t.Errorf("%v, %v: want each name once, and then what the attention looked at", got, err)
	}
	x := &translate.Translator{Model: scripted{h}, Source: vocab(t, datasets.BPE, 0, "abc"), Target: target}
	o := translate.Options{Beam: decode.Beam{MaxLength: 20}, Unknown: &translate.Replacement{}}
	if got, err := x.Lines(t.Context(), 1, []string{"▁"}, o); err != nil || got[0][0].Text != "<unk> <unk> <unk>" {
		t.Errorf("%v, %v: of a source without units nothing can be copied", got, err)
	}
}

// Parts of words are joined on demand.
func TestJoinSubwords(t *testing.T) {
	for written, want := range map[string]string{
		"No@@ us vo@@ yo@@ ns": "Nous voyons",
		"▁No us ▁vo yo ns":     "Nous voyons",
		"plain words":          "plain words",
	} {
		v := vocab(t, datasets.Word, 0, written)
		tokens, _ := v.EncodeLine(written)
		x := &translate.Translator{Model: scripted{decode.Hypothesis{Tokens: append(tokens, datasets.End)}},
			Source: v, Target: v}
		for _, join := range []bool{false, true} {
			o := translate.Options{Beam: decode.Beam{MaxLength: 20}, JoinSubwords: join}
			got, err := x.Lines(t.Context(), 1, []string{"plain"}, o)
			if err != nil {
				t.Fatal(err)
			}
			if text := got[0][0].Text; join && text != want || !join && text != written {
				t.Errorf("joined: %v: written %q", join, text)
			}
		}
	}
}
