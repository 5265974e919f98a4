package onepage

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/trainer/run"
)

const models = "../../trainer/run/testdata/import/"

func imported(t *testing.T, name string, c run.ImportConfig, config string) *run.Run {
	t.Helper()
	c.Config = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(c.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := run.Import(filepath.Join(t.TempDir(), name), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// element is what an element of a page holds.
func element(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="[a-z/]+" id="` + id + `">(.*?)</script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("there is no %s", id)
	}
	return m[1]
}

func unpacked(t *testing.T, text string) []byte {
	t.Helper()
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWrite: a page has the model, the runtime, the vocabulary and the licence, and nothing in it ends what it stands
// in.
func TestWrite(t *testing.T) {
	vocab := filepath.Join(t.TempDir(), "vocab.json")
	if err := os.WriteFile(vocab, []byte(`["t", "h", "e", " ", "c", "a", "<"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := imported(t, "a<b>", run.ImportConfig{Weights: models + "torch-lm.safetensors", Vocab: vocab},
		"task: lm\nmodel: {cell: lstm, hidden: 6, layers: 2, embed: 5}\n")
	var page bytes.Buffer
	with := &Runtime{script: []byte("export const a = '</script>'"), wasm: []byte{0, 'a', 's', 'm'}}
	if err := Write(&page, r, with); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	var onnx bytes.Buffer
	if _, err := r.WriteONNX(&onnx, ""); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]byte{"onnx": onnx.Bytes(), "runtime": with.script, "wasm": with.wasm} {
		if got := unpacked(t, element(t, text, id)); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, want %d", id, len(got), len(want))
		}
	}
	var s settings
	if err := json.Unmarshal([]byte(element(t, text, "settings")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Task != run.TaskLM || len(s.States) != 2 || s.States[0] != 4 || s.States[1] != 6 {
		t.Errorf("the settings are %+v", s)
	}
	if got := bytes.TrimSpace(s.Files["vocab.json"]); !bytes.Contains(got, []byte(`"\u003c"`)) {
		t.Errorf("the vocabulary is %s", got)
	}
	for _, part := range []string{
		"<title>a&lt;b&gt; – unroll</title>", "Copyright (c) Microsoft", "default-src 'none'",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %s", part)
		}
	}
	if n := strings.Count(text, "</script>"); n != 5 {
		t.Errorf("%d scripts end", n)
	}
	if found := regexp.MustCompile(`(?m)^(import|export) |\{\{`).FindString(program()); found != "" {
		t.Errorf("the program has %q", found)
	}
}

// TestSettings: a page knows how to make of numbers what a model reads.
func TestSettings(t *testing.T) {
	for want, m := range map[string]run.Model{
		`{"task":"","about":"","files":null,"columns":28}`: {Input: 28},
		`{"task":"","about":"","files":null,"series":{"channels":1,"scale":"channel","means":[2],"deviations":[3],` +
			`"differences":true,"mask":true,"patch":1}}`: {Input: 3, Series: &run.SeriesModel{Inputs: series.Features{
			Channels: 1, Means: []float64{2}, Deviations: []float64{3}, Differences: true, Missing: series.MissingMask}}},
		`{"task":"","about":"","files":null,"forecast":{"horizon":7,"log":true,"quantiles":[0.1,0.9]}}`: {
			Forecast: &run.ForecastModel{Horizon: 7, Log: "yes", Quantiles: []float64{0.1, 0.9}}},
	} {
		var s settings
		s.describeNumbers(&m, true)
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// TestRefuses: a translator that does not say how long translations may be is refused before anything is written.
func TestRefuses(t *testing.T) {
	pairs, valid, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 20, Valid: 5})
	if err != nil {
		t.Fatal(err)
	}
	c := run.Defaults(run.TaskSeq2Seq)
	c.Model.Hidden, c.Model.Embed, c.Training.Epochs, c.Training.Steps = 4, 4, 0, 1
	work, err := run.NewSeq2Seq(c, pairs, valid)
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	dir := filepath.Join(t.TempDir(), "early")
	if _, err := run.Train(t.Context(), dir, work, run.Options{}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, run.ConfigName)
	config, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	early := regexp.MustCompile(`(?m)^  target_lengths: .*\n`).ReplaceAll(config, nil)
	if len(early) == len(config) {
		t.Fatalf("there are no target_lengths in\n%s", config)
	}
	if err := os.WriteFile(name, early, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := run.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	err = Write(&page, r, &Runtime{})
	if err == nil || !strings.Contains(err.Error(), "how long translations may be: train again") || page.Len() > 0 {
		t.Errorf("%v, and %d bytes", err, page.Len())
	}
}

// TestGetFile: a file that is not the runtime is said to be none.
func TestGetFile(t *testing.T) {
	for name, want := range map[string]string{
		"../../go.mod": "not an archive", "nowhere.tgz": "`runtime`: nowhere.tgz does not exist: check the path",
	} {
		if _, err := Get(t.Context(), nil, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
