package run

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/plots"
)

// drawnIn is the picture of the curves in a folder, as SVG, without the folder's name.
func drawnIn(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, CurvesName+".svg"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, CurvesName+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), words60(dir), "DIR")
}

// words60 is how a picture names a folder.
func words60(dir string) string {
	if r := []rune(dir); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return dir
}

// A run that was stopped and resumed has the picture of one that was not; one that diverges, or has taken one step, has
// one, too.
func TestCurvesAreDrawn(t *testing.T) {
	parent := t.TempDir()
	dir := func(name string) string { return filepath.Join(parent, name) }
	train := func(name string, steps int, bad ...int) error {
		_, err := Train(context.Background(), dir(name), newCounter(steps, bad...), Options{})
		return err
	}
	for _, steps := range []int{5, 12} {
		if err := train("resumed", steps, 7); err != nil {
			t.Fatal(err)
		}
	}
	if err := train("at-once", 12, 7); err != nil {
		t.Fatal(err)
	}
	resumed, once := drawnIn(t, dir("resumed")), drawnIn(t, dir("at-once"))
	for _, want := range []string{"DIR: a model of a program&#39;s own, best after step 12", ">loss (× not finite)<",
		">training<", ">validation<", ">gradient norm, before clipping<", ">learning rate<", ">step<"} {
		if !strings.Contains(once, want) {
			t.Errorf("no %s in the picture", want)
		}
	}
	if n := strings.Count(resumed, "<path"); n != strings.Count(once, "<path")+1 { // the point of the validation at step 5
		t.Errorf("resumed: %d paths, at once %d", n, strings.Count(once, "<path"))
	}
	if err := train("one", 1); err != nil {
		t.Fatal(err)
	}
	drawnIn(t, dir("one"))
	task := newCounter(12, 3, 4, 5, 6, 7, 8)
	task.config.Training.MaxSkipped = 4
	if _, err := Train(context.Background(), dir("diverged"), task, Options{}); err == nil {
		t.Error("it has not diverged")
	}
	if got := drawnIn(t, dir("diverged")); !strings.Contains(got, "× not finite") {
		t.Error("nothing is said of steps that were not finite")
	}
}

// noticed keeps the notices of a training.
type noticed struct {
	silent
	notices []string
}

func (n *noticed) Notice(message string) { n.notices = append(n.notices, message) }

// What is in the way of the pictures is said once, stays, and ends no training. A link is replaced, and what it points to
// stays.
func TestCurvesThatCannotBeDrawn(t *testing.T) {
	for _, c := range []struct {
		name string
		put  func(path, elsewhere string) error
		want string // of the notice
	}{
		{"folder", func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "mine"), 0o777) },
			"the curves are not drawn, and the training goes on: "},
		{"link", func(path, elsewhere string) error { return os.Symlink(elsewhere, path) }, ""},
	} {
		dir, elsewhere := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "mine.txt")
		if err := os.WriteFile(elsewhere, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, CurvesName+".svg")
		task := &swapper{newCounter(12), 2, func() {
			if err := c.put(path, elsewhere); err != nil {
				t.Fatal(err)
			}
		}}
		said := &noticed{}
		f, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		end, err := f.Train(context.Background(), task, Options{Report: said})
		f.Close()
		if err != nil || end.Step != 12 {
			t.Errorf("%s: %+v, %v", c.name, end, err)
		}
		if got := strings.Join(said.notices, "|"); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) ||
			len(said.notices) > 1 {
			t.Errorf("%s: %q", c.name, said.notices)
		}
		if got, err := os.ReadFile(elsewhere); err != nil || string(got) != "mine" {
			t.Errorf("%s: elsewhere there is %q, %v", c.name, got, err)
		}
	}
}

// Every measure of a validation has its place in the picture, or is left out on purpose.
func TestMeasuresAreDrawn(t *testing.T) {
	named := (&Measures{}).named()
	for _, m := range named {
		if shown, known := shownMeasures[m.name]; !known || shown.scale == 0 {
			t.Errorf("%s is not drawn", m.name)
		}
	}
	if len(shownMeasures) != len(named) {
		t.Errorf("%d measures are drawn, there are %d", len(shownMeasures), len(named))
	}
	c := &curves{measures: map[string]*plots.Curve{}}
	c.add(StepRecord{Step: 1, Loss: 2, GradNorm: 3, LR: 0.5})
	c.add(ValidRecord{Step: 1, Loss: 2, Measures: Measures{Accuracy: some(0.25), BLEU: some(12), ChrF: some(30)}})
	config := Defaults(TaskSeq2Seq)
	var b bytes.Buffer
	if err := c.picture(&config, "title", 1).Write(&b, plots.SVG); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">loss, nats per token<", ">accuracy of the validation data, %<", ">BLEU and chrF, 0 to 100<",
		">BLEU<", ">chrF<", ">25<"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in the picture", want)
		}
	}
}
