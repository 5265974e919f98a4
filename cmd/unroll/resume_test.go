package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/trainer/run"
)

// trigger does something, once, when a text is written.
type trigger struct {
	strings.Builder
	on string
	do func()
}

func (w *trigger) Write(p []byte) (int, error) {
	if w.do != nil && strings.Contains(string(p), w.on) {
		w.do()
		w.do = nil
	}
	return w.Builder.Write(p)
}

// terminate sends this process a TERM, and waits until it has surely arrived.
func terminate(t *testing.T) {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(syscall.SIGTERM)
	}
	if err != nil {
		t.Error(err)
	}
	time.Sleep(50 * time.Millisecond)
}

// resumeExactly stops a training when it has logged a step, continues it with the command that it printed, and
// compares every byte of the checkpoints with those of a training that was never stopped.
func resumeExactly(t *testing.T, stopAt int, args string) {
	t.Helper()
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields(args+" --out straight --overwrite")...)

	stdout := &trigger{on: fmt.Sprintf(`"event":"step","step":%d,`, stopAt), do: func() { terminate(t) }}
	var stderr strings.Builder
	code := execute(strings.Fields(args+" --out stopped --overwrite"), strings.NewReader(""), stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if code != exitStopped || len(lines) != 2 ||
		lines[0] != "unroll: stopping after this step; Ctrl-C, a second later, stops at once, without saving" {
		t.Fatalf("%d, %s", code, stderr.String())
	}
	_, command, ok := strings.Cut(lines[1], "saved in stopped/last: continue with unroll ")
	if !ok || command != args+" --out stopped" {
		t.Fatal(lines[1])
	}
	must(t, strings.Fields(command)...)
	for _, name := range []string{
		"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors", "best/optimizer.safetensors",
	} {
		if readFile(t, filepath.Join("straight", name)) != readFile(t, filepath.Join("stopped", name)) {
			t.Errorf("%s differs", name)
		}
	}
	for _, name := range []string{"last/state.json", "best/state.json"} {
		var states [2]map[string]any
		for i, dir := range []string{"straight", "stopped"} {
			if err := json.Unmarshal([]byte(readFile(t, filepath.Join(dir, name))), &states[i]); err != nil {
				t.Fatal(err)
			}
			delete(states[i], "seconds")
		}
		if diff := cmp.Diff(states[0], states[1]); diff != "" {
			t.Errorf("%s differs: %s", name, diff)
		}
	}
	if diff := cmp.Diff(story(t, "straight"), story(t, "stopped")); diff != "" {
		t.Errorf("the logs differ: %s", diff)
	}
}

// story is what a log tells, but for times. Its lines are in order, and none is there twice.
func story(t *testing.T, dir string) (objects []map[string]any) {
	t.Helper()
	entries, err := runlog.Read(filepath.Join(dir, run.LogName))
	if err != nil {
		t.Fatal(err)
	}
	if raw := strings.Count(readFile(t, filepath.Join(dir, run.LogName)), "\n"); raw != len(entries) {
		t.Errorf("%s: %d lines in the file, %d hold", dir, raw, len(entries))
	}
	steps := 0
	for _, e := range entries {
		if e.Event == "step" {
			if steps++; e.Step != steps {
				t.Errorf("%s: step %d where %d belongs", dir, e.Step, steps)
			}
		}
		if e.Event == "step" || e.Event == "valid" && e.Step > 0 { // the validation before the first step may take too long
			o := jsonLines(t, string(e.Line))[0]
			delete(o, "seconds")
			delete(o, "tokens_per_second")
			delete(o, "peak_memory_bytes")
			objects = append(objects, o)
		}
	}
	return objects
}

func TestResumeIsExact(t *testing.T) {
	small(t, nil)
	// 12 steps an epoch: the carried state matters.
	resumeExactly(t, 5,
		"train lm --text rhyme.txt --batch 4 --seq 40 --lr 3 --optimizer sgd --momentum 0.5 --steps 20 --log-every 5 --json")
}

// The same with the real model, on the real device: the state of Adam and the hidden state come back, too.
func TestResumeIsExactWithTheRealModel(t *testing.T) {
	small(t, nil)
	modelOptions = nil
	const args = "train lm --text rhyme.txt --batch 4 --seq 40 --hidden 16 --embed 8 --steps 20 --json --log-every "
	resumeExactly(t, 5, args+"5")
	resumeExactly(t, 12, args+"4") // at the end of an epoch, after which the hidden state begins anew
}

// So does everything else that a training step depends on: parts of batches with states of their own, averages,
// the loss's factor, schedules and what they have seen, moments of all kinds, and what is drawn at random.
func TestResumeIsExactWithEverything(t *testing.T) {
	small(t, nil)
	modelOptions = nil
	const all = "--steps 20 --log-every 7 --json --loss-scaling --ema 0.9 --accumulate 2 "
	resumeExactly(t, 7, "train lm --text rhyme.txt --cell lstm --batch 2 --seq 40 --hidden 16 --embed 8 --dropout 0.2 "+
		all+
		"--optimizer adamw --schedule cosine --warmup 3 --best accuracy --patience 9 --valid-every 3")
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, softmax := range []string{"adaptive --cutoffs 6,9", "sampled --softmax-samples 5"} {
		words := "train lm --text rhyme.txt --tokens word --batch 2 --seq 8 --hidden 16 --embed 8 --valid-every 3 " +
			"--softmax " + softmax
		resumeExactly(t, 7, words+" "+strings.TrimSpace(all))
		resumeExactly(t, 7, words+" --sparse-updates --steps 20 --log-every 7 --json --loss-scaling --optimizer adamw")
	}
	writeFile(t, "words.tsv", parities(60))
	resumeExactly(t, 7, classifySmall+all+
		"--dropout 0.2 --optimizer rmsprop --momentum 0.5 --schedule plateau --schedule-patience 0 --lr 1e-5 --best "+
		"accuracy --valid-every 2")
	writeFile(t, "vectors.txt", "a 1 2\nb 3 -1\n")
	resumeExactly(t, 7, "train classify --table words.tsv --hidden 8 --batch 8 --buckets 2 --threads 1 --vectors "+
		"vectors.txt --freeze-vectors "+all+
		"--valid-every 3")
	resumeExactly(t, 7,
		tagSmall+all+"--crf --dropout 0.2 --word-dropout 1 --schedule cosine --best span_f1 --valid-every 3")
	writeFile(t, "lines.ts", lines(60))
	for _, task := range []string{"classify --class-weights balanced", "regress --loss huber"} {
		resumeExactly(t, 7,
			"train "+task+" --series lines.ts --hidden 8 --batch 4 --threads 1 --noise 0.3 --differences --dropout 0.2 "+all+
				"--valid-every 3")
	}
	writeFile(t, "swaps.tsv", swaps(400))
	resumeExactly(t, 7, seq2seqSmall+all+
		"--dropout 0.2 --teacher-forcing 0.9 --teacher-decay linear --teacher-steps 10 --optimizer nesterov --clip-value "+
		"0.1 --weight-decay 0.01 --schedule inverse-sqrt --warmup 5 --best char_error_rate --valid-every 3 "+
		"--valid-translate 7")
}

// A training that was killed has logged steps that it must take again: after that the log has each step once.
// TensorBoard's files, one for each process, say where they go on.
func TestResumeCutsTheLog(t *testing.T) {
	small(t, nil)
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --valid-every 6 --tensorboard --steps "
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields(args+"20 --out straight")...)
	must(t, strings.Fields(args+"12 --out run")...)
	log := readFile(t, "run/log.jsonl")
	// of steps after the checkpoint
	more := strings.Replace(log[strings.Index(log, `{"event":"step","step":10,`):], `"step":1`, `"step":2`, -1)
	writeFile(t, "run/log.jsonl", log+more+`{"event":"st`)
	must(t, strings.Fields(args+"20 --out run")...)
	want, got := story(t, "straight"), story(t, "run")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	files, err := filepath.Glob("run/events.out.tfevents.*")
	if err != nil || len(files) != 2 {
		t.Errorf("event files %v, %v; want 2", files, err)
	}
	must(t, strings.Fields(strings.Replace(args, "--tensorboard ", "", 1)+"3 --out run --overwrite")...)
	if got := names(t, "run"); got != ".lock best config.yaml curves.png curves.svg last log.jsonl vocab.json" {
		t.Errorf("the run holds %s", got)
	}
}

func TestResumeWithoutCheckpoint(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	for _, name := range []string{"last", "best"} {
		if err := os.RemoveAll(filepath.Join("run", name)); err != nil {
			t.Fatal(err)
		}
	}
	r := unroll(strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps 3")...)
	if r.code != 0 || r.stderr != "unroll: run holds a run without a checkpoint: it begins again\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

func TestResumeSkipsDamage(t *testing.T) {
	small(t, nil)
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps "
	damage := func(name string) {
		data := []byte(readFile(t, name))
		data[len(data)-7] ^= 1
		writeFile(t, name, string(data))
	}
	trainSmall(t, "--steps", "3")
	damage("run/last/weights.safetensors")
	want(t, exitData, `run/last/weights.safetensors: tensor "w": its data is not what was written, the checksum differs`, "eval", "run", "--checkpoint", "last")
	r := unroll(strings.Fields(args + "5")...)
	if r.code != 0 || r.stderr != "unroll: skipped a damaged checkpoint: run/last/weights.safetensors: tensor \"w\": "+
		"its data is not what was written, the checksum differs\nunroll: going back to run/best, of step 3\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	damage("run/last/optimizer.safetensors")
	damage("run/best/state.json")
	r = unroll(strings.Fields(args + "7")...)
	lines := strings.Split(r.stderr, "\n")
	if last := lines[len(lines)-2]; r.code != exitData ||
		last != "unroll: run/best/state.json: not what was written, the checksum differs" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

// Of several checkpoints the newest that is whole is loaded, and each one before it that is not is named. What
// was measured as the best counts no more when it is lost. The end is that of a training that was left alone.
func TestResumeGoesBack(t *testing.T) {
	small(t, nil)
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --valid-every 4 --checkpoint-every 2 " +
		"--keep 3 --steps "
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields(args+"20 --out straight")...)
	damage := func(name string) {
		data := []byte(readFile(t, name))
		data[len(data)-7] ^= 1
		writeFile(t, name, string(data))
	}
	for _, c := range []struct {
		name    string
		damage  func()
		want    string
		orphans string // of which nothing says any more that they are the run's
	}{
		{"nothing", func() {}, "", ""},
		{"the last and the best, which are of one step", func() {
			damage("run/last/weights.safetensors")
			damage("run/best/weights.safetensors")
		}, `unroll: skipped a damaged checkpoint: run/last/weights.safetensors: tensor "w": its data is not what was written, the checksum differs
unroll: skipped a damaged checkpoint: run/best/weights.safetensors: tensor "w": its data is not what was written, the checksum differs
unroll: going back to run/last-10, of step 10
unroll: skipped a damaged checkpoint: run/best/weights.safetensors: tensor "w": its data is not what was written, the checksum differs
`, ""},
		{"all but the best", func() {
			damage("run/last/optimizer.safetensors")
			damage("run/last-10/state.json")
			writeFile(t, "run/last-8/manifest.json", "{}\n")
		}, `unroll: skipped a damaged checkpoint: run/last-8/manifest.json: not as it was written, first at byte 1
unroll: skipped a damaged checkpoint: run/last/optimizer.safetensors: tensor "w.velocity": its data is not what was written, the checksum differs
unroll: going back to run/best, of step 12
`, ""},
		{"the last is gone", func() {
			if err := os.RemoveAll("run/last"); err != nil {
				t.Fatal(err)
			}
		}, "", "last-10 last-8"},
	} {
		must(t, strings.Fields(args+"12 --out run --overwrite")...)
		c.damage()
		r := unroll(strings.Fields(args + "20 --out run")...)
		if r.code != 0 || r.stderr != c.want {
			t.Fatalf("%s: %d\n%s", c.name, r.code, cmp.Diff(c.want, r.stderr))
		}
		for _, name := range []string{
			"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors", "last-18/weights.safetensors",
		} {
			if readFile(t, filepath.Join("straight", name)) != readFile(t, filepath.Join("run", name)) {
				t.Errorf("%s: %s differs", c.name, name)
			}
		}
		var got []string
		for _, name := range strings.Fields(names(t, "run")) {
			if !strings.Contains(c.orphans, name) || name == "last" {
				got = append(got, name)
			}
		}
		if names := strings.Join(got, " "); names != ".lock best config.yaml curves.png curves.svg last last-16 last-18 log.jsonl vocab.json" {
			t.Errorf("%s: the run holds %s", c.name, names)
		}
	}
}

// A run that is resumed with fewer checkpoints to keep lets go of the others only when a new one is there.
func TestResumeKeepsFewer(t *testing.T) {
	small(t, nil)
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --checkpoint-every 2 " +
		"--valid-every 50 --steps "
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields(args+"8 --keep 3")...)
	for _, dir := range []string{"last", "best"} {
		writeFile(t, filepath.Join("run", dir, "state.json"), "{}")
	}
	r := unroll(strings.Fields(args + "9 --keep 1")...)
	if r.code != 0 || !strings.Contains(r.stderr, "unroll: going back to run/last-6, of step 6\n") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	if got := names(t, "run"); got != ".lock best config.yaml curves.png curves.svg last log.jsonl vocab.json" {
		t.Errorf("the run holds %s", got)
	}
}

// names are those in a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

// What killed processes have left is swept by the next one that may write to the folder, and nothing else is.
func TestStraysAreSwept(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	for _, name := range []string{
		".config.yaml.tmp-123", ".vocab.json.tmp-4", ".probe.tmp-5", ".last.tmp-6/weights.safetensors",
		".last-2.gone-8/state.json", ".mine.tmp-7", ".notes",
	} {
		if err := os.MkdirAll(filepath.Join("run", filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join("run", name), "x")
	}
	must(t, strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps 5")...)
	if got := names(t, "run"); got != ".lock .mine.tmp-7 .notes best config.yaml curves.png curves.svg last last-3 log.jsonl vocab.json" {
		t.Errorf("the run holds %s", got)
	}
}

// A checkpoint of another model, whole as it is, is refused with both sides.
func TestResumeOfAnotherModel(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	writeFile(t, "other.txt", strings.Repeat("abc", 1000))
	must(t, strings.Fields("train --text other.txt --batch 4 --seq 40 --steps 3 --out other")...)
	for _, name := range []string{"best", "last"} {
		if err := os.RemoveAll(filepath.Join("run", name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join("other", name), filepath.Join("run", name)); err != nil {
			t.Fatal(err)
		}
	}
	want(t, exitData, `run/best: "u" has shape [3 3], the model wants [17 17]: the checkpoint and config.yaml are of different runs`, "eval", "run")
}

// Whoever asks to stop while the validation data are measured need not wait for it: that is done when the run goes on.
func TestStopWhileMeasuring(t *testing.T) {
	small(t, nil)
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --valid-every 6 --patience 2 " +
		"--schedule plateau --steps "
	for _, steps := range []int{12, 15} { // the measurement is the last, and is not
		for _, out := range []string{"straight", "stopped"} {
			withPairLM(func(m *pairLM) {
				m.onEval = func(step int) {
					if out == "stopped" && step == 12 && m.evaluated == 2*6+2 { // 6 windows each time, before the first step, too
						terminate(t)
					}
				}
			})
			writeFile(t, "rhyme.txt", rhyme(100))
			r := unroll(strings.Fields(fmt.Sprint(args, steps, " --overwrite --out ", out))...)
			if want := map[string]int{"straight": exitOK, "stopped": exitStopped}[out]; r.code != want {
				t.Fatalf("%s: %d, %s", out, r.code, r.stderr)
			}
		}
		if log := jsonLines(t, readFile(t, "stopped/log.jsonl")); log[len(log)-1]["event"] != "stopped" ||
			log[len(log)-2]["event"] != "step" {
			t.Errorf("the log ends with %v", log[len(log)-2:])
		}
		withPairLM(nil)
		must(t, strings.Fields(fmt.Sprint(args, steps, " --out stopped"))...)
		if diff := cmp.Diff(story(t, "straight"), story(t, "stopped")); diff != "" {
			t.Errorf("%d steps: the logs differ: %s", steps, diff)
		}
		for _, name := range []string{"last/weights.safetensors", "best/weights.safetensors"} {
			if readFile(t, filepath.Join("straight", name)) != readFile(t, filepath.Join("stopped", name)) {
				t.Errorf("%d steps: %s differs", steps, name)
			}
		}
	}
}

// Data that cannot be read any more cost no step that was taken.
func TestDataFailInTheMiddle(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	args := strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --steps 20 --out ")
	must(t, append(args, "straight")...)
	withPairLM(func(m *pairLM) {
		m.fails = func(step int) error {
			if step == 8 {
				return &datasets.Error{File: "rhyme.txt", What: "gone"}
			}
			return nil
		}
	})
	want(t, exitData, "rhyme.txt: gone; step 7 is saved in run/last: then continue with unroll "+
		strings.Join(args, " ")+" run", append(args, "run")...)
	withPairLM(nil)
	must(t, append(args, "run")...)
	if readFile(t, "straight/last/weights.safetensors") != readFile(t, "run/last/weights.safetensors") {
		t.Error("the weights differ from those of a run that nothing happened to")
	}
}
