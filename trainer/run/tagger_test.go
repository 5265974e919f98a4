package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// smallTagger is the configuration of a tagger that learns in a moment.
func smallTagger() Config {
	c := Defaults(TaskTag)
	c.Model.Hidden, c.Model.Embed, c.Model.Dropout, c.Model.Cell = 12, 8, 0.1, "gru"
	c.Model.Tag.CharEmbed, c.Model.Tag.CharHidden, c.Model.Tag.Letters = 6, 8, 6
	c.Training.LR, c.Training.Buckets = 0.01, 2
	return c
}

// trainedTagger trains on the task places, and opens the run.
func trainedTagger(t *testing.T, epochs int, change func(*Config)) *Run {
	t.Helper()
	c := smallTagger()
	c.Training.Epochs = epochs
	if change != nil {
		change(&c)
	}
	device := On(cpu.New(cpu.Threads(1)))
	work, err := NewTagger(c, places(t, 400), nil, device)
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Train(context.Background(), dir, work, Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, device)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A tagger learns names that it has never seen, and tags do not depend on the sentences beside, nor on who else uses
// the model.
func TestTagger(t *testing.T) {
	for _, crf := range []bool{false, true} {
		r := trainedTagger(t, 6, func(c *Config) { c.Model.Tag.CRF = crf })
		if got := names(t,
			r.Dir()); got != "best chars.json config.yaml curves.png curves.svg forms.json labels.json last last-115 log.jsonl vocab.json" {
			t.Errorf("the run holds %s", got)
		}
		m, err := r.Tagger()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		sentences := [][]string{
			strings.Fields("does Bamdal Trason know Old Stowick ?"), {}, strings.Fields("nobody"),
			strings.Fields("in Gorton Mina Kerlsen sells bread ."),
		}
		want := []string{"O B-PER I-PER O B-LOC I-LOC O", "", "O", "O B-LOC B-PER I-PER O O O"}
		var wait sync.WaitGroup
		for range 3 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				got, err := m.Tag(context.Background(), sentences)
				if err != nil {
					t.Error(err)
					return
				}
				for i, tags := range got {
					if strings.Join(tags, " ") != want[i] {
						t.Errorf("CRF %v: %v is tagged %v, want %s", crf, sentences[i], tags, want[i])
					}
				}
			}()
		}
		wait.Wait()
		for i := range sentences {
			one, err := m.Tag(context.Background(), sentences[i:i+1])
			if err != nil || strings.Join(one[0], " ") != want[i] {
				t.Errorf("CRF %v: alone %v is tagged %v, %v", crf, sentences[i], one, err)
			}
		}
		if m.Known("Nobody") || !m.Known("nobody") || m.Known("Xerxes") {
			t.Error("what is known is not what is in the training data, as it is written")
		}
		if _, err := m.Stream(); err == nil {
			t.Error("a model of whole sentences tags words as they come")
		}
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if e.Name() != lockName {
			all = append(all, e.Name())
		}
	}
	return strings.Join(all, " ")
}

// A model that reads forwards tags words as they come, as it tags them in their sentence.
func TestRunTagStream(t *testing.T) {
	r := trainedTagger(t, 2, func(c *Config) { c.Model.Bidirectional = false })
	m, err := r.Tagger()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Stream()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, text := range []string{"does Bamdal Trason know Old Stowick ?", "in Gorton Mina Kerlsen sells bread ."} {
		words := strings.Fields(text)
		want, err := m.Tag(context.Background(), [][]string{words})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
		for i, word := range words {
			got, err := s.Next(word)
			if err != nil || got.Name != want[0][i] || !(got.Probability > 1.0/5 && got.Probability <= 1) {
				t.Errorf("%q is tagged %+v, in its sentence %s; %v", word, got, want[0][i], err)
			}
		}
	}
}

// What is measured is counted word by word: known and unknown words apart, tags that the model does not have as wrong,
// spans as conlleval does.
func TestTaggerIsMeasured(t *testing.T) {
	r := trainedTagger(t, 3, nil)
	text := "Mina B-PER\nlives O\nin O\nGorton B-LOC\n. O\n\nnobody B-ORG\nhas O\n\n"
	path := filepath.Join(t.TempDir(), "more.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := r.Evaluate(context.Background(), EvalConfig{Data: &Source{Kind: KindColumns, Paths: []string{path}},
		Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Tagger()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tags, err := m.Tag(context.Background(), [][]string{{"Mina", "lives", "in", "Gorton", "."}, {"nobody", "has"}})
	if err != nil {
		t.Fatal(err)
	}
	gold := []string{"B-PER", "O", "O", "B-LOC", "O", "B-ORG", "O"}
	var right, words [2]float64
	for i, word := range strings.Fields("Mina lives in Gorton . nobody has") {
		known := 0
		if m.Known(word) {
			known = 1
		}
		words[known]++
		if slices.Concat(tags...)[i] == gold[i] {
			right[known]++
		}
	}
	if words[0] == 0 || words[0] != float64(v.UnknownWords) {
		t.Fatalf("%d words are unknown, want %v", v.UnknownWords, words[0])
	}
	for name, x := range map[string]struct {
		got  *Float
		want float64
	}{
		"accuracy": {v.Accuracy, (right[0] + right[1]) / 7}, "known": {v.KnownAccuracy, right[1] / words[1]},
		"unknown": {v.UnknownAccuracy, right[0] / words[0]},
	} {
		if x.got == nil || math.Abs(float64(*x.got)-x.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	if v.Tokens != 7 || v.Examples != 2 || v.NoLabel != 1 || v.Spans != 3 || v.SpanF1 == nil ||
		v.Confusion.Examples() != 6 {
		t.Errorf("%+v %+v", v, v.TagMeasures)
	}
	want := path + `: 1 word has a tag that is not among the 5 of the training data ("B-ORG"): counted as wrong, left out of macro F1, and their sentences of the loss`
	if diff := cmp.Diff([]string{want}, v.Notes); diff != "" {
		t.Error(diff)
	}
}

// Words are read by both ends, looked up in lower case, and known as they are written; a blank within a word is a part
// of it.
func TestLexicon(t *testing.T) {
	c := smallTagger()
	c.Model.Tag.Letters = 5
	l, err := newLexicon(&c, slices.Values([]string{"Paris", "20 000", "abcdefgh", "le"}), "x")
	if err != nil {
		t.Fatal(err)
	}
	if c.Model.Vocab != 8 || c.Model.Tag.Forms != 8 || c.Model.Tag.Chars != 4+len("Paris20 bcdefghl")-0 {
		t.Errorf("%d words, %d forms, %d characters", c.Model.Vocab, c.Model.Tag.Forms, c.Model.Tag.Chars)
	}
	for word, want := range map[string]struct {
		found, known bool
		chars        string
	}{
		"Paris": {true, true, "Paris"}, "PARIS": {true, false, "Pi"}, "20 000": {true, true, "20 00"}, "abcdefgh": {true,
			true, "abcgh"}, "la": {false, false, "la"},
	} {
		s := l.spell(word)
		var chars []string
		for _, ch := range s.chars {
			if ch != datasets.Unknown {
				chars = append(chars, l.chars.Name(ch))
			}
		}
		if (s.word != datasets.Unknown) != want.found || s.known != want.known {
			t.Errorf("%q: %+v, want %+v", word, s, want)
		}
		if got := strings.Join(chars, ""); word != "PARIS" && got != want.chars {
			t.Errorf("%q is read as %q, want %q", word, got, want.chars)
		}
	}
}

// A word that occurs n times is forgotten in a part a/(a+n) of the cases, and the same ones each time.
func TestForgetting(t *testing.T) {
	f := &forgetting{a: 0.5, words: []int{0, 0, 0, 0, 1, 4}}
	for token, want := range map[int32]float64{4: 1.0 / 3, 5: 1.0 / 9} {
		count, again := 0, 0
		const n = 4000
		for step := range n {
			one, two := f.at(1, step).word(token), f.at(1, step).word(token)
			if one != two {
				t.Fatal("a step forgets otherwise the next time")
			}
			if one == datasets.Unknown {
				count++
			}
			if f.at(2, step).word(token) == one {
				again++
			}
		}
		if got := float64(count) / n; math.Abs(got-want) > 0.03 || again == n {
			t.Errorf("token %d is forgotten in %v of the cases, want %v", token, got, want)
		}
	}
	if none := (*forgetting)(nil); none.word(4) != 4 || none.char(5) != 5 {
		t.Error("something is forgotten while nothing is learned")
	}
}

func TestTaggerRefusesSettings(t *testing.T) {
	for problem, change := range map[string]func(*Config){
		"`tag`": func(c *Config) { c.Model.Tag = nil }, "`tokens`": func(c *Config) { c.Model.Tokens = "char" },
		"`letters`": func(c *Config) { c.Model.Tag.Letters = 0 }, "`word_dropout`": func(c *Config) { c.Model.Tag.Forget = -1 },
		"`char_hidden`": func(c *Config) { c.Model.Tag.CharHidden = -1 }, "`embed`": func(c *Config) { c.Model.Embed = 0 },
		"`best`": func(c *Config) { c.Training.Best = "bleu" },
	} {
		c := smallTagger()
		change(&c)
		_, err := NewTagger(c, places(t, 20), nil, On(cpu.New(cpu.Threads(1))))
		var wrong *SettingsError
		if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), problem) {
			t.Errorf("%s: %v", problem, err)
		}
	}
	if _, err := NewTagger(smallTagger(), nil, nil); err == nil {
		t.Error("a tagger without sentences")
	}
}

// A run that begins with another keeps the weights of the tags that it has, those of moving from one to the other
// included.
func TestFromOtherTags(t *testing.T) {
	r := trainedTagger(t, 1, func(c *Config) { c.Model.Tag.CRF = true })
	sentences := places(t, 60)
	var others []datasets.Sentence
	for _, s := range sentences.Sentences {
		o := datasets.Sentence{Words: s.Words}
		for _, tag := range s.Tags {
			o.Tags = append(o.Tags, strings.ReplaceAll(tag, "I-PER", "A-NEW"))
		}
		others = append(others, o)
	}
	data, err := datasets.NewTagged("others", others)
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults(TaskTag)
	work, err := NewTagger(c, data, nil, On(cpu.New(cpu.Threads(1))), From(r))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	after, err := work.Params()
	if err != nil {
		t.Fatal(err)
	}
	old := r.labels // B-LOC B-PER I-LOC I-PER O; the new ones: A-NEW B-LOC B-PER I-LOC O
	for _, w := range after {
		if w.Name != transitionsName {
			continue
		}
		i := slices.IndexFunc(before, func(o checkpoint.Tensor) bool { return o.Name == w.Name })
		was, is := before[i].Data.([]float32), w.Data.([]float32)
		k := work.labels.Len()
		for from := range k {
			for to := range k {
				a, known := old.Class(work.labels.Name(int32(from)))
				b, both := old.Class(work.labels.Name(int32(to)))
				if same := is[from*k+to] == was[int(max(a, 0))*k+int(max(b, 0))]; known && both && !same {
					t.Errorf("the transition from %s to %s is not that of the run", work.labels.Name(int32(from)),
						work.labels.Name(int32(to)))
				}
			}
		}
		return
	}
	t.Errorf("no weights are called %s", transitionsName)
}

// An embedding begins with vectors of words in lower case, as they are looked up.
func TestTaggerVectors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vectors.txt")
	if err := os.WriteFile(path, []byte("lives 1 2 3\nnobody 4 5 6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := smallTagger()
	c.Model.Embed, c.Vectors = 0, &Vectors{Path: path, Frozen: true}
	work, err := NewTagger(c, places(t, 60), nil, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	params, err := work.Params()
	if err != nil {
		t.Fatal(err)
	}
	row := number(work.lexicon.words, "lives")
	for _, p := range params {
		if p.Name == "embedding.weight" {
			if diff := cmp.Diff([]float32{1, 2, 3}, p.Data.([]float32)[3*row:][:3]); diff != "" || p.Shape[1] != 3 {
				t.Error(diff, p.Shape)
			}
		}
	}
}

// Sentences that are longer than what is learned lose their ends in training alone.
func TestLongSentences(t *testing.T) {
	c := smallTagger()
	c.Training.Longest = 4
	work, err := NewTagger(c, places(t, 60), nil, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	if work.data.longest != 4 || work.valid.longest <= 4 || work.data.cut == 0 {
		t.Errorf("%d words in training, %d in validation, %d cut", work.data.longest, work.valid.longest, work.data.cut)
	}
	if lines := strings.Join(work.Describe(1), "\n"); !strings.Contains(lines,
		fmt.Sprintf("%d sentences are longer than 4 words", work.data.cut)) {
		t.Error(lines)
	}
}

// A tag of which all words are for validation cannot be learned, and is counted as one that the model does not have.
func TestTagsHeldOut(t *testing.T) {
	var sentences []datasets.Sentence
	for i := range 20 {
		sentences = append(sentences, datasets.Sentence{Words: []string{"a", fmt.Sprint(i)}, Tags: []string{"O", fmt.Sprint("T", i)}})
	}
	data, err := datasets.NewTagged("data", sentences)
	if err != nil {
		t.Fatal(err)
	}
	work, err := NewTagger(smallTagger(), data, nil, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	if n := len(work.valid.words); work.labels.Len() != 21-n || work.valid.strange != n {
		t.Errorf("%d tags, %d sentences for validation, %d words with other tags", work.labels.Len(), n, work.valid.strange)
	}
	if lines := strings.Join(work.Describe(1), "\n"); !strings.Contains(lines, "2 words have tags that are not among the 19") {
		t.Error(lines)
	}
}
