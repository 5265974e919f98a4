package run

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// imageFolder is a folder with 40 images of 2×2 pixels, light ones and dark ones in turns, as files of a part: train or
// test.
func imageFolder(t *testing.T, part string) string {
	t.Helper()
	dir := t.TempDir()
	images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, 40)
	images = append(images, 0, 0, 0, 2, 0, 0, 0, 2)
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, 40)
	for i := range byte(40) {
		light := i % 2 * 200
		images, labels = append(images, light, light, light+i, light), append(labels, i%2)
	}
	for name, data := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, part+name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Images that a folder has for measuring alone are measured on, and not learned; of those that the run has learned from,
// whatever their files are called, the validation part is measured.
func TestImagesToMeasure(t *testing.T) {
	source := func(dir string) *Source { return &Source{Kind: KindIDX, Paths: []string{dir}} }
	load := func(dir string) (Task, error) {
		c := Defaults(TaskClassify)
		c.Data.Train = source(dir)
		c.Model.Hidden, c.Training.Epochs, c.Training.Batch = 4, 1, 8
		return Load(c, device1)
	}
	train, test := imageFolder(t, "train"), imageFolder(t, "test")
	if _, err := load(test); err == nil {
		t.Error("images to measure on are learned")
	}
	task, err := load(train)
	r := openedAfter(t, task, err)
	for _, c := range []struct {
		whole    bool
		examples int
		split    string
	}{{true, 40, SplitAll}, {false, 4, SplitValidation}} {
		e, err := r.Evaluate(context.Background(), EvalConfig{Data: source(test), Whole: c.whole})
		if err != nil || e.Examples != c.examples || e.Split != c.split {
			t.Errorf("whole %v: %+v, %v; want %d examples, %s", c.whole, e, err, c.examples, c.split)
		}
	}
}
