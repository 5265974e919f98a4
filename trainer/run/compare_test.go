package run

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/plots"
)

// cancelling is a counter that is asked to stop at a step.
type cancelling struct {
	*counter
	at     int
	cancel func()
}

func (c *cancelling) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if before+1 == c.at {
		c.cancel()
	}
	return c.counter.Step(before, rate)
}

// zoo has runs of all kinds in a folder, which it gives.
func zoo(t *testing.T) string {
	t.Helper()
	parent := t.TempDir()
	in := func(name string) string { return filepath.Join(parent, name) }
	train := func(name string, task *counter) error {
		_, err := Train(context.Background(), in(name), task, Options{})
		return err
	}
	fast := newCounter(12)
	fast.config.Training.LR = 0.25
	if err := train("done", fast); err != nil {
		t.Fatal(err)
	}
	if err := train("deep/er/short", newCounter(6)); err != nil {
		t.Fatal(err)
	}
	bad := newCounter(12, 5, 6, 7)
	bad.config.Training.MaxSkipped = 3
	if train("diverged", bad) == nil {
		t.Fatal("it has not diverged")
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Train(ctx, in("stopped"), &cancelling{newCounter(12), 6, cancel}, Options{}); err == nil {
		t.Fatal("it has not stopped")
	}
	for _, name := range []string{"killed", "running"} {
		if err := train(name, newCounter(12)); err != nil {
			t.Fatal(err)
		}
		log, err := os.ReadFile(filepath.Join(in(name), LogName))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(log, []byte("\n"))
		if err := os.WriteFile(filepath.Join(in(name), LogName), bytes.Join(lines[:7], nil), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	held, err := OpenFolder(in("running"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Close)
	for name, text := range map[string]string{"damaged": "what is this", "unknown": "format: unroll-run-1\ntask: nothing\n"} {
		if err := os.Mkdir(in(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(in(name), ConfigName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"foreign/of/somebody", "deep/empty", ".hidden"} {
		if err := os.MkdirAll(in(name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(in("done"), in("link")); err != nil {
		t.Skip(err)
	}
	return parent
}

func TestCompare(t *testing.T) {
	parent := zoo(t)
	accounts, skipped, err := ReadAccounts([]string{parent, filepath.Join(parent, "done")})
	if err != nil {
		t.Fatal(err)
	}
	if len(skipped) != 3 || skipped[0] != "skipped, for there is no run in it: "+filepath.Join(parent, "deep/empty")+", "+
		filepath.Join(parent, "foreign") ||
		!strings.Contains(skipped[1], "damaged/config.yaml: not the configuration of a run") ||
		!strings.Contains(skipped[2], `unknown/config.yaml: task "nothing"`) {
		t.Errorf("skipped: %q", skipped)
	}
	groups := Compare(accounts, "")
	if len(groups) != 1 || groups[0].Task != TaskOwn || groups[0].Measure != LossScore {
		t.Fatalf("groups %+v", groups)
	}
	type row struct {
		name, state    string
		step, bestStep int
		settings       string
	}
	var got []row
	for _, r := range groups[0].Runs {
		name, err := filepath.Rel(parent, r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		var settings []string
		for _, s := range r.Settings {
			settings = append(settings, s.Name+"="+s.Value)
		}
		got = append(got, row{name, r.State, r.Step, r.BestStep, strings.Join(settings, " ")})
		if r.Value != 1/float64(r.BestStep) {
			t.Errorf("%s: the best is %g, after step %d", name, r.Value, r.BestStep)
		}
	}
	want := []row{ // the validation loss is 1/step, every 4 steps
		{"done", StateDone, 12, 12, "lr=0.25 max_skipped=10 steps=12"},
		{"deep/er/short", StateDone, 6, 6, "lr=0.5 max_skipped=10 steps=6"},
		{"diverged", StateDiverged, 7, 4, "lr=0.5 max_skipped=3 steps=12"},
		{"killed", StateKilled, 6, 4, "lr=0.5 max_skipped=10 steps=12"},
		{"running", StateRunning, 6, 4, "lr=0.5 max_skipped=10 steps=12"},
		{"stopped", StateStopped, 6, 4, "lr=0.5 max_skipped=10 steps=12"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var b bytes.Buffer
	if err := DrawRuns(&b, plots.SVG, groups); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"model of a program&#39;s own: loss<", "done<", "stopped<"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the picture", want)
		}
	}
	if none := Compare(accounts, "bleu"); len(none) != 1 || none[0].Runs[0].BestStep != 0 ||
		MeasureValue("bleu", none[0].Runs[0].Value) != "-" {
		t.Errorf("by a measure that none has: %+v", none)
	}
	if err := DrawRuns(&b, plots.SVG, Compare(accounts, "bleu")); err == nil {
		t.Error("a picture of nothing")
	}
}

// A folder without a run, or with damaged ones alone, is an error that names it; of a run whose log is gone its
// checkpoint says what it can.
func TestCompareNothing(t *testing.T) {
	parent := zoo(t)
	for name, want := range map[string]string{
		"foreign": "holds no run", "damaged": "not the configuration of a run", "none": "does not exist",
	} {
		if _, _, err := ReadAccounts([]string{filepath.Join(parent, name)}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(parent, "done", LogName)); err != nil {
		t.Fatal(err)
	}
	a, err := ReadAccount(filepath.Join(parent, "done"))
	if err != nil {
		t.Fatal(err)
	}
	if value, step, ok := a.Best(LossScore); !ok || value != 1./12 || step != 12 || a.Step != 12 || a.State != StateDone {
		t.Errorf("%+v: %g after %d, %v", a, value, step, ok)
	}
}

// The last that a log says is how a training stands, but for one that a process is at.
func TestState(t *testing.T) {
	dir := t.TempDir()
	for log, want := range map[string]string{
		"step": StateKilled, "step stopped": StateStopped, "step stopped resumed": StateKilled,
		"step stopped resumed step": StateKilled, "step diverged": StateDiverged, "step diverged resumed step": StateKilled,
		"step stopped resumed step done": StateDone, "step done valid": StateKilled,
	} {
		lines, steps := "", 0
		for _, event := range strings.Fields(log) {
			if event == "step" {
				steps++
			}
			lines += fmt.Sprintf("{\"event\":%q,\"step\":%d}\n", event, steps)
		}
		path := filepath.Join(dir, LogName)
		if err := os.WriteFile(path, []byte(lines), 0o666); err != nil {
			t.Fatal(err)
		}
		a := &Account{}
		if err := a.readLog(path); err != nil || a.State != want || a.Step != steps {
			t.Errorf("%s: %s after %d steps, %v; want %s", log, a.State, a.Step, err, want)
		}
	}
	parent := zoo(t)
	for name, want := range map[string]string{"done": StateDone, "stopped": StateStopped, "killed": StateRunning} {
		held, err := OpenFolder(filepath.Join(parent, name))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := ReadAccount(held.Dir()); err != nil || a.State != want {
			t.Errorf("%s, and a process has it: %+v, %v; want %s", name, a, err, want)
		}
		held.Close()
	}
}

// The best by a measure is the least or the greatest, as the measure has it, and percents are written as such.
func TestBestByMeasure(t *testing.T) {
	valid := func(step int, loss, accuracy, errors float64) ValidRecord {
		return ValidRecord{Step: step, Loss: Float(loss),
			Measures: Measures{Accuracy: some(accuracy), CharErrorRate: some(errors)}}
	}
	a := &Account{valid: []ValidRecord{valid(0, 0.5, 0.95, 0.01),
		valid(1, math.NaN(), math.NaN(), math.NaN()), valid(1, math.Inf(-1), math.Inf(1), math.Inf(-1)), valid(1, 3, 0.2, 0.5), valid(2, 1, 0.9, 0.1), valid(3, 2, 0.8, 0.05)}}
	for _, c := range []struct {
		measure, want string
		step          int
	}{{"loss", "1", 2}, {"accuracy", "90.00%", 2}, {"char_error_rate", "5.00%", 3}} {
		if x, step, ok := a.Best(c.measure); !ok || MeasureValue(c.measure, x) != c.want || step != c.step {
			t.Errorf("%s: %g after %d", c.measure, x, step)
		}
	}
}

// Groups are in the order of their tasks and measures, and files go by their names.
func TestCompareOrder(t *testing.T) {
	var accounts []*Account
	for _, x := range [][2]string{{TaskTag, LossScore}, {TaskClassify, LossScore}, {TaskClassify, "accuracy"}} {
		c := Defaults(x[0])
		c.Training.Best = x[1]
		accounts = append(accounts, &Account{Config: &c})
	}
	var got []string
	for _, g := range Compare(accounts, "") {
		got = append(got, g.Task+" "+g.Measure)
	}
	if want := []string{"classify accuracy", "classify loss", "tag loss"}; !reflect.DeepEqual(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
	c := Defaults(TaskLM)
	c.Data.Text = filepath.Join(t.TempDir(), "verses.txt")
	if all := c.settings(); !slices.Contains(all, Setting{"data.text", "verses.txt"}) {
		t.Errorf("settings %v", all)
	}
}
