package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// small are the settings of a model of a task that is trained for three steps.
func small(task string) run.Config {
	c := run.Defaults(task)
	c.Model.Hidden, c.Model.Embed, c.Training.Batch, c.Training.Epochs, c.Training.Steps = 4, 4, 4, 0, 3
	return c
}

// Of each line its labels are written, and how many of its words are unknown; in the end how much of all lines is.
func TestLinesAreClassified(t *testing.T) {
	c, table := small(run.TaskClassify), &datasets.Table{Name: "films.tsv", SHA256: "films", Column: 2}
	c.Model.Tokens = string(datasets.Word)
	for i := range 12 {
		row := datasets.Row{Text: fmt.Sprintf("a good film %d", i/2%3), Label: "up"}
		if i%2 == 1 {
			row = datasets.Row{Text: fmt.Sprintf("a bad film %d", i/2%3), Label: "down"}
		}
		table.Rows = append(table.Rows, row)
	}
	work, err := run.NewClassifier(c, table, nil, run.On(cpu.New(cpu.Threads(1))))
	r := trained(t, work, err)
	m, err := r.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := []string{"a good film", "", "a new film 1", "a so so film"}
	labels, err := m.Classify(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	want, tabbed := "", "1\ta good film\n\n2\ta new film 1\tx\na so so film\n"
	for i, unknown := range []string{"", "", `"unknown":1,`, `"unknown":2,`} {
		likeliest := "" // of an empty line there is none
		if texts[i] != "" {
			likeliest = fmt.Sprintf(`{"label":%q,"probability":%v}`, labels[i][0].Name, labels[i][0].Probability)
		}
		want += fmt.Sprintf("{\"text\":%q,%s\"labels\":[%s]}\n", texts[i], unknown, likeliest)
	}
	var out strings.Builder
	in := NewLines("stdin", strings.NewReader(tabbed), r)
	if err := (&Classifier{Model: m, Top: 1, JSON: true, To: &out}).Lines(context.Background(), in); err != nil ||
		out.String() != want {
		t.Errorf("%s, %v; want %s", out.String(), err, want)
	}
	notes := []string{"stdin: 2 lines have tabs, of which column 2 was read",
		"stdin: 3 of 11 tokens (27.3%) are unknown"}
	if got := in.Notes(); !slices.Equal(got, notes) {
		t.Errorf("%q, want %q", got, notes)
	}
}

// A text is what the model writes after the tokens of a prompt: as JSON without the prompt, and else behind it.
func TestTextsAreWritten(t *testing.T) {
	ctx, c := context.Background(), small(run.TaskLM)
	c.Training.Seq = 8
	text, err := datasets.NewText("text", strings.Repeat("to be or not to be\n", 20))
	if err != nil {
		t.Fatal(err)
	}
	work, err := run.NewLM(c, text, nil, run.On(cpu.New(cpu.Threads(1))))
	r := trained(t, work, err)
	m, err := r.LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	prompt := Prompt{Given: "to <be> é", Text: "to be ", Unknown: 3}
	prompt.Tokens, _ = r.Vocab().EncodeLine(prompt.Text)
	var out strings.Builder
	s := &Sampler{Model: m, Sampling: decode.Sampling{Temperature: 1}, Seed: 2, Length: 9, To: &out}
	written := ""
	if err := m.Write(ctx, prompt.Tokens, s.Length, s.Sampling, s.Seed, func(token string) error {
		written += token
		return nil
	}); err != nil || len(written) != s.Length {
		t.Fatalf("%q, %v", written, err)
	}
	quoted, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	for want, write := range map[string]func(context.Context, Prompt) error{
		"to be " + written + "\n": s.Text,
		`{"prompt":"to <be> é","unknown":3,"text":` + string(quoted) + "}\n": s.JSON,
	} {
		out.Reset()
		s.To = &out
		if err := write(ctx, prompt); err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", out.String(), err, want)
		}
		s.To = fullDisk{}
		if err := write(ctx, prompt); !errors.Is(err, errFull) {
			t.Errorf("a writer that fails: %v", err)
		}
	}
}

// Each word of a sentence gets its tag, in the file as it was or in JSON, which says where unknown words are.
func TestSentencesAreTagged(t *testing.T) {
	ctx := context.Background()
	places, _, err := tasks.Tagged("places", tasks.Config{Seed: 1, Train: 60, Valid: 1})
	if err != nil {
		t.Fatal(err)
	}
	work, err := run.NewTagger(small(run.TaskTag), places, nil, run.On(cpu.New(cpu.Threads(1))))
	r := trained(t, work, err)
	m, err := r.Tagger()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	known := places.Sentences[0].Words
	sentences := [][]string{known, {"zzz", known[0], "qqq"}}
	tags, err := m.Tag(ctx, sentences)
	if err != nil {
		t.Fatal(err)
	}
	text, filled, objects := "", "", ""
	for i, words := range sentences {
		text += strings.Join(words, "\n") + "\n\n"
		for k, word := range words {
			filled += word + " " + tags[i][k] + "\n"
		}
		filled += "\n"
		x := tagged{Words: words, Tags: tags[i]}
		if i == 1 {
			x.Unknown = []int{0, 2}
		}
		line, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		objects += string(line) + "\n"
	}
	for want, asJSON := range map[string]bool{filled: false, objects: true} {
		in, err := NewSentences("stdin", strings.NewReader(text), r)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := (&Tagger{Model: m, JSON: asJSON, To: &out}).Sentences(ctx, "stdin", in); err != nil || out.String() != want {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
	}
}
