package run

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// golden is what another program computed: see testdata/import/make.py.
type golden struct {
	Text   string
	Texts  []string
	Tokens []string
	Logits [][]float64
}

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "import", "logits.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// foreignModel is the import of a model in testdata/import.
func foreignModel(t *testing.T, name string) ImportConfig {
	t.Helper()
	in := func(file string) string { return filepath.Join("testdata", "import", file) }
	c := ImportConfig{Weights: in(name + ".safetensors"), Keras: strings.HasPrefix(name, "keras")}
	if strings.HasSuffix(name, "-lm") {
		c.Config = written(t, "task: lm\nmodel: {cell: lstm, hidden: 6, layers: 2, embed: 5}\n")
		c.Vocab = in("torch-lm-vocab.json")
		return c
	}
	c.Config = written(t, "task: classify\n"+
		"model: {cell: gru, hidden: 3, layers: 2, embed: 4, bidirectional: true, tokens: word}\n")
	c.Vocab, c.Labels = in("torch-classifier-vocab.txt"), written(t, "positive\nneutral\nnegative\n")
	return c
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// importRun imports a model and opens the run.
func importRun(t *testing.T, c ImportConfig) *Run {
	t.Helper()
	r, err := Import(filepath.Join(t.TempDir(), "run"), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func nearTo(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-5) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

// TestImportLM compares the logits of language models with those that PyTorch, and numpy for Keras, have computed: the
// vocabulary of the run is in another order than theirs.
func TestImportLM(t *testing.T) {
	for _, name := range []string{"torch-lm", "keras-lm"} {
		want := readGolden(t)[name]
		m, err := importRun(t, foreignModel(t, name)).LanguageModel()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.model.ResetSample(); err != nil {
			t.Fatal(err)
		}
		for i, r := range want.Text {
			token, _ := m.vocab.Token(r)
			logits, err := m.model.Next(token)
			if err != nil {
				t.Fatal(err)
			}
			for k, name := range want.Tokens {
				token, ok := m.vocab.Token([]rune(name)[0])
				if !ok {
					t.Fatalf("no token %q", name)
				}
				nearTo(t, want.Text[:i+1]+" then "+name, float64(logits[token]), want.Logits[i][k])
			}
		}
	}
}

// Of the training of a configuration an import keeps what the model needs in use, and nothing else.
func TestImportKeeps(t *testing.T) {
	c := foreignModel(t, "torch-classifier")
	text, err := os.ReadFile(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	c.Config = written(t, string(text)+"training: {longest: 7, batch: 3, lr: 0.5, steps: 9}\nrunning: {threads: 3}\n")
	r := importRun(t, c)
	want := Defaults(TaskClassify).Training
	want.Longest = 7
	if got := r.Config().Training; got != want || r.Config().Running.Threads != 0 {
		t.Errorf("training %+v, running %+v; want %+v", got, r.Config().Running, want)
	}
}

// TestImportClassifier compares the probabilities of classifiers, which are those of the logits.
func TestImportClassifier(t *testing.T) {
	labels := []string{"positive", "neutral", "negative"}
	for _, name := range []string{"torch-classifier", "keras-classifier"} {
		want := readGolden(t)[name]
		m, err := importRun(t, foreignModel(t, name)).Classifier()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		got, err := m.Classify(context.Background(), want.Texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range want.Texts {
			sum := 0.0
			for _, x := range want.Logits[i] {
				sum += math.Exp(x)
			}
			for k, label := range labels {
				for _, l := range got[i] {
					if l.Name == label {
						nearTo(t, text+": "+label, math.Log(l.Probability), want.Logits[i][k]-math.Log(sum))
					}
				}
			}
		}
	}
}

// TestImportReserved: tokens that a vocabulary reserves and the list lacks are never written, and the others have the
// probabilities that they had.
func TestImportReserved(t *testing.T) {
	c := foreignModel(t, "torch-lm")
	c.Vocab = written(t, `{"t": 0, "h": 1, "e": 2, " ": 3, "c": 4, "a": 5, "<unk>": 6}`)
	want := readGolden(t)["torch-lm"].Logits[0]
	m, err := importRun(t, c).LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.model.ResetSample(); err != nil {
		t.Fatal(err)
	}
	first, _ := m.vocab.Token('t')
	logits, err := m.model.Next(first)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[rune]int{'t': 0, 'h': 1, 'e': 2, ' ': 3, 'c': 4, 'a': 5} {
		token, _ := m.vocab.Token(name)
		nearTo(t, string(name), float64(logits[token]), want[k])
	}
	nearTo(t, "<unk>", float64(logits[1]), want[6])
	for _, token := range []int{0, 2, 3} {
		if p := math.Exp(float64(logits[token])); p != 0 {
			t.Errorf("token %d has the weight %g", token, p)
		}
	}
}

// TestImportMap: the maps lead to the same model as the ready ones.
func TestImportMap(t *testing.T) {
	c := foreignModel(t, "torch-lm")
	tensors := tensorsIn(t, c.Weights)
	for i, x := range tensors {
		tensors[i].Name = strings.NewReplacer("encoder", "in", "lstm", "core.cells", "decoder", "up").Replace(x.Name)
	}
	tensors = append(tensors, checkpoint.Tensor{Name: "steps", Shape: []int{1}, Data: []int64{3}})
	c.Weights = safetensorsOf(t, tensors...)
	c.Map = []string{
		"in.weight=embedding.weight", "core.cells.{what}_l{n}=rnn.{what}_l{n}", "up.{rest}=output.{rest}", "steps=",
	}
	sum := func(c ImportConfig) string {
		t.Helper()
		f, err := openCheckpoint(importRun(t, c).checkpoint())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return f.WeightsSHA256()
	}
	if got, want := sum(c), sum(foreignModel(t, "torch-lm")); got != want {
		t.Errorf("weights with sha256 %s, want %s", got, want)
	}
}

func tensorsIn(t *testing.T, path string) []checkpoint.Tensor {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := checkpoint.ReadTensors(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

func safetensorsOf(t *testing.T, tensors ...checkpoint.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := checkpoint.WriteTensors(f, tensors); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImportRefuses: a file that is not the model's is said in a line, and no folder is left.
func TestImportRefuses(t *testing.T) {
	change := func(name string, f func(x *checkpoint.Tensor)) func(*testing.T, *ImportConfig) {
		return func(t *testing.T, c *ImportConfig) {
			var all []checkpoint.Tensor
			for _, x := range tensorsIn(t, c.Weights) {
				if x.Name == name {
					f(&x)
				}
				if x.Name != "" {
					all = append(all, x)
				}
			}
			c.Weights = safetensorsOf(t, all...)
		}
	}
	mapped := func(maps ...string) func(*testing.T, *ImportConfig) {
		return func(_ *testing.T, c *ImportConfig) { c.Map = maps }
	}
	for name, x := range map[string]struct {
		model  string
		change func(*testing.T, *ImportConfig)
		want   []string
	}{
		"missing": {"torch-lm", change("lstm.bias_hh_l1", func(x *checkpoint.Tensor) { x.Name = "" }),
			[]string{"no tensor becomes rnn.bias_hh_l1", "[24]", "lstm.bias_hh_l0"}},
		"left over": {"torch-lm", change("lstm.bias_hh_l1", func(x *checkpoint.Tensor) { x.Name = "lstm.bias_hh_l2" }),
			[]string{"no tensor becomes rnn.bias_hh_l1"}},
		"one too many": {"torch-lm", mapped("lstm.bias_hh_l1=rnn.bias_hh_l1", "x={n}"), []string{`"x={n}"`, "alone"}},
		"twice": {"torch-lm", mapped("lstm.bias_ih_l{n}=rnn.bias_hh_l{n}"),
			[]string{"lstm.bias_ih_l0", "lstm.bias_hh_l0"}},
		"no map": {"torch-lm", mapped("lstm"), []string{"THEIRS=OURS"}},
		"shape": {"torch-lm", func(t *testing.T, c *ImportConfig) {
			c.Config = written(t, "task: lm\nmodel: {cell: lstm, hidden: 7, layers: 2, embed: 5}\n")
		}, []string{`"lstm.weight_ih_l0"`, "rnn.weight_ih_l0", "[24 5]", "[28 5]"}},
		"fewer layers": {"torch-lm", func(t *testing.T, c *ImportConfig) {
			c.Config = written(t, "task: lm\nmodel: {cell: lstm, hidden: 6, layers: 1, embed: 5}\n")
		}, []string{"left over", "_l1"}},
		"type": {"torch-lm", change("decoder.bias", func(x *checkpoint.Tensor) {
			x.Data = make([]float64, 7)
		}), []string{`"decoder.bias"`, "float64", "float32"}},
		"nan": {"torch-lm", change("decoder.bias", func(x *checkpoint.Tensor) {
			x.Data.([]float32)[3] = float32(math.NaN())
		}), []string{`"decoder.bias"`, "number 3", "not finite"}},
		"vocabulary": {"torch-lm", func(t *testing.T, c *ImportConfig) { c.Vocab = written(t, "t\nh\ne\n") },
			[]string{`"encoder.weight"`, "[7 5]", "[3 5]"}},
		"characters": {"torch-lm", func(t *testing.T, c *ImportConfig) { c.Vocab = written(t, "the\nh\n") },
			[]string{`"the"`, "one character"}},
		"no vocabulary": {"torch-lm", func(_ *testing.T, c *ImportConfig) { c.Vocab = "" }, []string{"vocab"}},
		"unknown key": {"torch-lm", func(t *testing.T, c *ImportConfig) {
			c.Config = written(t, "task: lm\nmodel: {cell: lstm, hiden: 6}\n")
		}, []string{"line 2", "hiden"}},
		"task": {"torch-lm", func(t *testing.T, c *ImportConfig) { c.Config = written(t, "task: tag\n") },
			[]string{`"tag"`, "classify"}},
		"no reset after": {"keras-classifier", change("bidirectional/forward_gru/gru_cell/bias", func(x *checkpoint.Tensor) {
			x.Shape, x.Data = []int{9}, x.Data.([]float32)[:9]
		}), []string{"reset_after=True", "[9]"}},
		"labels": {"torch-classifier", func(_ *testing.T, c *ImportConfig) { c.Labels = "" }, []string{"`labels` is missing"}},
		"labels of none": {"torch-lm", func(_ *testing.T, c *ImportConfig) { c.Labels = c.Vocab },
			[]string{"the model is a language model: leave it out"}},
		"cell": {"torch-classifier", func(t *testing.T, c *ImportConfig) {
			c.Config = written(t, "task: classify\nmodel: {cell: mgu, hidden: 3, embed: 4, tokens: word}\n")
		}, []string{"mgu"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := foreignModel(t, x.model)
			x.change(t, &c)
			dir := filepath.Join(t.TempDir(), "run")
			_, err := Import(dir, c)
			if err == nil {
				t.Fatal("it was imported")
			}
			for _, part := range x.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("a folder is left")
			}
		})
	}
}

// TestImportOwnData: an imported run has nothing of its own to measure on, and can be measured on other data.
func TestImportOwnData(t *testing.T) {
	for _, name := range []string{"torch-lm", "torch-classifier"} {
		r := importRun(t, foreignModel(t, name))
		_, err := r.Evaluate(context.Background(), EvalConfig{})
		if err == nil || !strings.Contains(err.Error(), "imported") {
			t.Errorf("%s: %v", name, err)
		}
		data := &Source{Kind: KindTable, Paths: []string{written(t, "a good film\tpositive\nbad\tnegative\n")}}
		if name == "torch-lm" {
			data = &Source{Kind: KindText, Paths: []string{written(t, strings.Repeat("the cat ", 20))}}
		}
		e, err := r.Evaluate(context.Background(), EvalConfig{Data: data})
		if err != nil || !(e.Loss > 0) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

// TestImportOwn: what unroll has trained, a translator too, can be imported as it stands.
func TestImportOwn(t *testing.T) {
	for _, task := range importable {
		r := trained(t, task)
		in := func(names ...string) string { return filepath.Join(append([]string{r.dir}, names...)...) }
		c := ImportConfig{Weights: in(r.Checkpoint(), "weights.safetensors"), Config: in(ConfigName), Vocab: in(vocabName)}
		switch task {
		case TaskSeq2Seq:
			c.Target = in(targetName)
		case TaskClassify:
			c.Labels = in(labelsName)
		}
		sum := func(r *Run) string {
			t.Helper()
			f, err := openCheckpoint(r.checkpoint())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			return f.WeightsSHA256()
		}
		own := importRun(t, c)
		if got, want := sum(own), sum(r); got != want {
			t.Errorf("%s: weights with sha256 %s, want %s", task, got, want)
		}
		// A run that begins with it has its settings, and they must be those of a run that begins with r.
		if x := (&Config{Model: r.config.Model}).differs(&Config{Model: own.config.Model}); x != nil {
			t.Errorf("%s: the model has other settings: %s", task, x.words())
		}
	}
}
