package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Nothing is built or allocated for a configuration that the checkpoint is not of.
func TestSizesAreComparedFirst(t *testing.T) {
	uses := threeTasks(t)
	for dir, commands := range uses {
		path := filepath.Join(dir, "config.yaml")
		good := readFile(t, path)
		hidden := "hidden: " + strings.TrimSpace(field(t, path, "hidden"))
		for _, huge := range [][]string{
			{hidden, "hidden: 4000"},
			{hidden, "hidden: 3", "layers: 1", "layers: 4000", "layers: 2", "layers: 4000"},
		} {
			writeFile(t, path, strings.NewReplacer(huge...).Replace(good))
			for _, use := range commands {
				r := given("a12\n", use)
				if r.code != exitData || !strings.Contains(r.stderr, "the checkpoint is of another model") ||
					strings.Count(r.stderr, "\n") != 1 {
					t.Errorf("%s with %q: %+v", use, huge, r)
				}
			}
		}
		writeFile(t, path, good)
	}
}

// A file that only says how large it is costs no memory: it takes no place on the disk either.
func TestSparseWeights(t *testing.T) {
	threeTasks(t)
	const bytes = 1 << 40
	header := fmt.Sprintf(`{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, bytes/4, bytes)
	path := "lm/best/weights.safetensors"
	size := uint64(len(header))
	data := make([]byte, 8)
	for i := range data {
		data[i] = byte(size >> (8 * i))
	}
	writeFile(t, path, string(data)+header)
	if err := os.Truncate(path, int64(8+len(header)+bytes)); err != nil {
		t.Skip(err)
	}
	manifest := readFile(t, "lm/best/manifest.json")
	_, rest, _ := strings.Cut(manifest, `"weights.safetensors": {`)
	old := strings.TrimSpace(strings.SplitN(rest, ",", 2)[0])
	at := strings.LastIndex(manifest, old)
	manifest = manifest[:at] + fmt.Sprintf(`"bytes": %d`, 8+len(header)+bytes) + manifest[at+len(old):]
	at = strings.LastIndex(manifest, ",\n  \"crc32c\"")
	writeFile(t, "lm/best/manifest.json", manifest[:at]+"\n}\n")
	if r := given("", "eval lm"); r.code != exitData || !strings.Contains(r.stderr, "the checkpoint is of another model") {
		t.Errorf("%+v", r)
	}
}

// The state of a checkpoint is that of its step.
func TestStateOfAnotherStep(t *testing.T) {
	threeTasks(t)
	for _, step := range []int{-3, -1 << 63, 1<<63 - 1, 3} {
		for _, name := range []string{"best", "last"} {
			dir := filepath.Join("lm", name)
			rewriteState(t, dir, func(at *run.Position) { at.Step = step })
			for _, use := range []string{"eval lm --checkpoint " + name,
				"train lm --text text.txt --hidden 8 --batch 4 --seq 8 --steps 4 --threads 1 --out lm"} {
				if r := given("", use); r.code != exitData ||
					!strings.Contains(r.stderr, fmt.Sprintf("its state is of step %d, its manifest of step 2", step)) {
					t.Errorf("%s with step %d: %+v", use, step, r)
				}
				if name == "best" {
					break // the last one would be used
				}
			}
		}
	}
}

// A line that would take too long is refused with its number.
func TestTranslateALongLine(t *testing.T) {
	threeTasks(t)
	long := strings.Repeat("a1", 30_000)
	for _, flags := range []string{"", " --beam 5", " --temperature 1", " --attention page.html"} {
		r := given("a12\n"+long+"\n", "translate seq2seq"+flags)
		if r.code != exitData || !strings.Contains(r.stderr, "unroll: stdin:2: 60001 tokens") ||
			strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: %+v", flags, r)
		}
	}
	if _, err := os.Stat("page.html"); err == nil {
		t.Error("a page was written")
	}
}

// A page has a budget of cells, whatever the lines.
func TestAttentionPageIsBounded(t *testing.T) {
	threeTasks(t)
	line := strings.Repeat("a1", 125) + "\n"
	if r := given(strings.Repeat(line, 6), "translate seq2seq --attention page.html --max-length 400"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	info, err := os.Stat("page.html")
	if err != nil || info.Size() > 64*attention.Cells {
		t.Fatalf("a page of %d bytes, %v", info.Size(), err)
	}
	if page := readFile(t, "page.html"); !strings.Contains(page, "lines are drawn, ") {
		t.Error("the page does not say what is left out")
	}
}

// rewriteState changes the state of a checkpoint, whose checksums are right afterwards.
func rewriteState(t *testing.T, dir string, change func(*run.Position)) {
	t.Helper()
	rewriteAll(t, dir, func(_ []checkpoint.Tensor, at *run.Position) { change(at) })
}
