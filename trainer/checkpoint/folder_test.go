package checkpoint

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// TestMain lets the test binary play the process that is killed while it saves.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CHECKPOINT_TEST_SAVE"); dir != "" {
		saveForever(dir)
	}
	os.Exit(m.Run())
}

type state struct {
	Step int      `json:"step"`
	Best *float64 `json:"best"`
}

func contents(step int) Contents {
	data := make([]float32, 1000)
	for i := range data {
		data[i] = float32(step)
	}
	return Contents{
		Weights: []Tensor{{Name: "w", Shape: []int{10, 100}, Data: data},
			{Name: "b", Shape: []int{2}, Data: []float32{1, 2}}},
		Optimizer: []Tensor{{Name: "w.m", Shape: []int{10, 100}, Data: data}, {Name: "t", Data: []float64{float64(step)}}},
		State:     state{Step: step},
		Step:      step,
	}
}

// load reads a checkpoint whole and says which step it is of.
func load(dir string) (step int, err error) {
	f, err := Open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var s state
	if err := f.State(&s); err != nil {
		return 0, err
	}
	weights, err := f.Weights()
	if err != nil {
		return 0, err
	}
	optimizer, err := f.Optimizer()
	if err != nil {
		return 0, err
	}
	want := contents(s.Step)
	if diff := cmp.Diff(map[string]any{"w": want.Weights[0].Data, "b": want.Weights[1].Data,
		"w.m": want.Optimizer[0].Data, "t": want.Optimizer[1].Data},
		map[string]any{weights[0].Name: weights[0].Data, weights[1].Name: weights[1].Data,
			optimizer[0].Name: optimizer[0].Data, optimizer[1].Name: optimizer[1].Data}); diff != "" {
		return 0, fmt.Errorf("step %d: %s", s.Step, diff)
	}
	return s.Step, nil
}

// within is what is done with the checkpoint in the folder dir, whose parent is held open meanwhile.
func within(dir string, do func(d Dir, name string) error) error {
	in, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer in.Close()
	return do(In(in), filepath.Base(dir))
}

func save(dir string, keep int, c Contents) error {
	return within(dir, func(d Dir, name string) error { return d.Save(name, keep, c) })
}

func recovered(dir string, keep int) error {
	return within(dir, func(d Dir, name string) error { return d.Recover(name, keep) })
}

func removed(dir string) error {
	return within(dir, func(d Dir, name string) error { return d.Remove(name) })
}

func writeFile(path, text string) error {
	return within(path, func(d Dir, name string) error { return d.WriteFile(name, []byte(text)) })
}

func past(dir string) (names []string, err error) {
	err = within(dir, func(d Dir, name string) error {
		names, err = d.Past(name)
		return err
	})
	return names, err
}

// beside is the folder of another checkpoint of the same run.
func beside(dir, name string) string { return filepath.Join(filepath.Dir(dir), name) }

func mustSave(t *testing.T, dir string, step int) {
	t.Helper()
	if err := save(dir, 1, contents(step)); err != nil {
		t.Fatal(err)
	}
}

func wantStep(t *testing.T, dir string, want int) {
	t.Helper()
	if got, err := load(dir); err != nil || got != want {
		t.Fatalf("loaded step %d, %v; want %d", got, err, want)
	}
}

// wantOnly checks that a folder holds these names and no strays.
func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestSaveAndOpen(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "last")
	for step := range 3 {
		mustSave(t, dir, step)
		wantStep(t, dir, step)
		wantOnly(t, run, "last")
		wantOnly(t, dir, "manifest.json", "optimizer.safetensors", "state.json", "weights.safetensors")
	}
	if _, err := Open(filepath.Join(run, "best")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

// An open checkpoint stays whole while it is replaced.
func TestOpenWhileReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "last")
	mustSave(t, dir, 1)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mustSave(t, dir, 2)
	mustSave(t, dir, 3)
	weights, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if got := weights[1].Data.([]float32)[0]; got != 1 {
		t.Errorf("weights of step %g, want 1", got)
	}
}

func TestOpenInALoopWhileSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "last")
	mustSave(t, dir, 0)
	stop := make(chan error)
	go func() {
		for step := 1; step <= 40; step++ {
			if err := save(dir, 1, contents(step)); err != nil {
				stop <- err
				return
			}
		}
		stop <- nil
	}()
	last, loads := 0, 0
	for {
		select {
		case err := <-stop:
			if err != nil || loads == 0 {
				t.Fatalf("%d loads, %v", loads, err)
			}
			wantStep(t, dir, 40)
			return
		default:
		}
		step, err := load(dir)
		if err != nil || step < last {
			t.Fatalf("step %d after %d: %v", step, last, err)
		}
		last = step
		loads++
	}
}

// Each moment at which a crash can stop the renames.
func TestRecover(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(dir, tmp string) error
		want  int
	}{
		{"before the first rename", func(dir, tmp string) error { return nil }, 1},
		{"between the renames", func(dir, tmp string) error { return os.Rename(dir, beside(dir, ".last.old")) }, 1},
		{"after the second rename", func(dir, tmp string) error {
			if err := os.Rename(dir, beside(dir, ".last.old")); err != nil {
				return err
			}
			return os.Rename(tmp, dir)
		}, 2},
		{"while the old one is removed", func(dir, tmp string) error {
			if err := os.Rename(dir, beside(dir, ".last.old")); err != nil {
				return err
			}
			if err := os.Remove(beside(dir, ".last.old/"+manifestFile)); err != nil {
				return err
			}
			return os.Rename(tmp, dir)
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := t.TempDir()
			dir, tmp := filepath.Join(run, "last"), filepath.Join(run, ".last.tmp-1")
			mustSave(t, dir, 1)
			mustSave(t, tmp, 2)
			if err := c.crash(dir, tmp); err != nil {
				t.Fatal(err)
			}
			wantStep(t, dir, c.want) // a reader does not recover
			if err := recovered(dir, 1); err != nil {
				t.Fatal(err)
			}
			wantStep(t, dir, c.want)
			wantOnly(t, run, "last")
			mustSave(t, dir, 3)
			wantStep(t, dir, 3)
		})
	}
}

func TestDamageIsNamed(t *testing.T) {
	edit := func(name string, f func([]byte) []byte) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, f(data), 0o644)
		}
	}
	flip := func(from string, offset int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[strings.Index(string(b), from)+offset] ^= 4
			return b
		}
	}
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   string // after the folder's path
	}{
		{"a bit of a tensor", edit(weightsFile, func(b []byte) []byte { b[len(b)-5] ^= 1; return b }),
			`/weights.safetensors: tensor "w": its data is not what was written, the checksum differs`},
		{"a bit of the tensor before", edit(weightsFile, func(b []byte) []byte { b[len(b)-4001] ^= 1; return b }),
			`/weights.safetensors: tensor "b": its data is not what was written, the checksum differs`},
		{"a bit of padding", edit(weightsFile, func(b []byte) []byte { b[strings.Index(string(b), "}} ")+2] ^= ' ' ^ '\n'; return b }),
			`/weights.safetensors: its header is not what was written, the checksum differs`},
		{"cut off", edit(optimizerFile, func(b []byte) []byte { return b[:len(b)-1] }),
			`/optimizer.safetensors: tensor "w.m": its data ends at byte 4008, the file's at 4007: the file is cut off: 4135 bytes, the manifest says 4136`},
		{"longer", edit(weightsFile, func(b []byte) []byte { return append(b, 0) }),
			`/weights.safetensors: 1 bytes after the last tensor: 4137 bytes, the manifest says 4136`},
		{"empty", edit(weightsFile, func(b []byte) []byte { return nil }),
			`/weights.safetensors: 0 bytes are too few for a safetensors file: 0 bytes, the manifest says 4136`},
		{"state flipped", edit(stateFile, flip(`"step"`, 8)), `/state.json: not what was written, the checksum differs`},
		{"state cut off", edit(stateFile, func(b []byte) []byte { return b[:3] }), `/state.json: 3 bytes, the manifest says 32`},
		{"manifest cut off", edit(manifestFile, func(b []byte) []byte { return b[:40] }), `/manifest.json: not valid (unexpected end of JSON input)`},
		{"manifest of another format", edit(manifestFile, flip("point-1", 6)), `/manifest.json: format "unroll-checkpoint-5", this version reads "unroll-checkpoint-1"`},
		{"manifest with a key twice", edit(manifestFile, func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", `{"format":"x",`, 1)) }),
			`/manifest.json: not as it was written, first at byte 1`},
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, manifestFile)) }, `: not a checkpoint, it holds no manifest.json`},
		{"no weights", func(dir string) error { return os.Remove(filepath.Join(dir, weightsFile)) }, `/weights.safetensors: missing`},
	} {
		dir := filepath.Join(t.TempDir(), "last")
		mustSave(t, dir, 1)
		if err := c.damage(dir); err != nil {
			t.Fatal(err)
		}
		_, err := load(dir)
		var e *CorruptError
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *CorruptError", c.name, err)
		} else if got := strings.TrimPrefix(err.Error(), dir); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Any single flipped bit of any file is noticed.
func TestEveryBitCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "last")
	small := Contents{Weights: []Tensor{{Name: "w", Data: []float32{1}}},
		Optimizer: []Tensor{{Name: "m", Data: []float32{2}}}, State: state{Step: 3}}
	if err := save(dir, 1, small); err != nil {
		t.Fatal(err)
	}
	readAll := func() error {
		f, err := Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		var s state
		if err := f.State(&s); err != nil {
			return err
		}
		if _, err := f.Weights(); err != nil {
			return err
		}
		_, err = f.Optimizer()
		return err
	}
	if err := readAll(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for bit := 0; bit < 8*len(good); bit += 3 {
			bad := append([]byte{}, good...)
			bad[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			err := readAll()
			var c *CorruptError
			if !errors.As(err, &c) {
				t.Fatalf("%s, bit %d of %q: %v", e.Name(), bit, lineAt(good, bit/8), err)
			}
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func lineAt(b []byte, i int) string {
	lo := strings.LastIndexByte(string(b[:i]), '\n') + 1
	line, _, _ := strings.Cut(string(b[lo:]), "\n")
	return line
}

func TestStateIsStrict(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "last")
	if err := save(dir, 1, Contents{State: map[string]any{"step": 1, "best": nil, "more": 2}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var e *CorruptError
	if err := f.State(&state{}); !errors.As(err, &e) {
		t.Errorf("a state with other fields: %v", err)
	}
}

// A save that fails says why and leaves the old checkpoint, and nothing else.
func TestSaveFails(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "last")
	mustSave(t, dir, 1)
	bad := contents(2)
	bad.Optimizer[0].Shape = []int{3}
	err := save(dir, 1, bad)
	var e *WriteError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), `tensor "w.m" has 1000 elements and the shape [3]`) {
		t.Errorf("got %v", err)
	}
	wantStep(t, dir, 1)
	wantOnly(t, run, "last")
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, want := range []string{"one", "", "three"} {
		if err := writeFile(path, want); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		wantOnly(t, dir, "a.json")
	}
	err := writeFile(dir+"/.", "four") // the name of a folder
	var e *WriteError
	if !errors.As(err, &e) || e.Need != 4 {
		t.Errorf("got %v", err)
	}
}

// What is written piece by piece replaces a file as a whole, or not at all.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.html")
	fill := func(last error) error {
		return within(path, func(d Dir, name string) error {
			return d.Write(name, func(to io.Writer) error {
				fmt.Fprint(to, "one, ", "two")
				return last
			})
		})
	}
	why := errors.New("no more")
	for i, last := range []error{nil, why} {
		if err := fill(last); !errors.Is(err, last) {
			t.Errorf("%d: got %v, want %v", i, err, last)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "one, two" {
			t.Errorf("%d: %q, %v", i, got, err)
		}
		wantOnly(t, dir, "a.html")
	}
}

// saveForever is the child of TestKill.
func saveForever(dir string) {
	in, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	lock, err := safefile.TryLock(in, ".lock")
	if err == nil {
		err = recovered(dir, 1)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer lock.Unlock()
	from, _ := strconv.Atoi(os.Getenv("CHECKPOINT_TEST_STEP"))
	for step := from + 1; ; step++ {
		if err := save(dir, 1, contents(step)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("saved", step)
	}
}

// A process that saves all the time is killed at arbitrary moments: what it said was saved, or what came after
// it, loads.
func TestKill(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("UNROLL_KILLS")); err == nil {
		kills = n
	}
	run := t.TempDir()
	dir := filepath.Join(run, "last")
	step := 0
	for kill := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CHECKPOINT_TEST_SAVE="+dir, fmt.Sprint("CHECKPOINT_TEST_STEP=", step))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		said := 0
		for n := 0; n <= kill%3 && lines.Scan(); n++ {
			if _, err := fmt.Sscanf(lines.Text(), "saved %d", &said); err != nil {
				t.Fatal(lines.Text())
			}
		}
		time.Sleep(time.Duration(kill*977%5000) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		got, err := load(dir)
		if err != nil || got < said {
			t.Fatalf("kill %d: loaded step %d, %v; it said that %d was saved", kill, got, err, said)
		}
		step = got
	}
	if err := recovered(dir, 1); err != nil {
		t.Fatal(err)
	}
	wantStep(t, dir, step)
	wantOnly(t, run, ".lock", "last")
}
