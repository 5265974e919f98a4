package run

import (
	"os"
	"strings"
	"testing"
)

// lmConfig is a config.yaml as it was written when there were language models only.
const lmConfig = `format: unroll-run-1
task: lm
data:
  text: ""
  text_sha256: c9d1d9
  valid_text: ""
  valid_text_sha256: ""
model:
  cell: rnn
  hidden: 128
  layers: 2
  embed: 32
  vocab: 51
  vocab_sha256: 0f1e2d
training:
  batch: 32
  seq: 64
  optimizer: adam
  lr: 0.003
  momentum: 0
  clip: 5
  seed: 1
  valid_every: 50
  checkpoint_every: 0
  steps: 400
  epochs: 0
  minutes: 0
running:
  device: auto
  threads: 0
`

func TestOldConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "config.yaml", lmConfig)
	c, err := ReadConfig("config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "config.yaml", string(c.Encode()))
	d, err := ReadConfig("config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if difference, same := c.repeats(*d); !same {
		t.Errorf("written and read again it differs: %s", difference)
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ old, new, problem string }{
		{"task: lm", "task: poetry", `task "poetry", this version knows ` + strings.Join(taskNames(), ", ")},
		{"task: lm", "task: classify", "no data"},
		{"task: lm", "task: tag", "no `tag`"},
		{"vocab: 51", "vocab: 0", "a vocabulary of 0"},
		{"seq: 64", "seq: 0", "`seq` is 0: it must be at least 1"},
		{"steps: 400", "steps: 0", "0 of steps, epochs and minutes, want one"},
		{"data:", "data:\n  train: {kind: folder, paths: [], sha256: b}", "data of another task, or without their paths"},
		{"data:", "data:\n  train: {kind: folder, paths: [a], sha256: b}\n  file: c", "not the configuration of a run (line 5: field file not found)"},
	} {
		writeFile(t, "config.yaml", strings.Replace(lmConfig, c.old, c.new, 1))
		_, err := ReadConfig("config.yaml")
		if want := "config.yaml: " + c.problem + ": restore it from a copy of the run"; err == nil || err.Error() != want ||
			!isData(err) {
			t.Errorf("with %s: %v, want %s", c.new, err, want)
		}
	}
}

func writeFile(t testing.TB, name, data string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The decoder of YAML takes -.inf for an integer.
func TestInfiniteNumbers(t *testing.T) {
	for text, want := range map[string]int{
		"a: 1\nb:\n  seed: -.inf\n": 3, "a: [1, -.INF]\n": 1, "a: .nan\n": 1, "a: +.inf\n": 1,
		"a: 1e300\nb: -.5\nc: \"-.inf\"\nd: -inf\n": 0,
	} {
		if line, _ := infinite([]byte(text)); line != want {
			t.Errorf("%q: line %d, want %d", text, line, want)
		}
	}
}
