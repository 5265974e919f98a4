package run

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// onDisk is a text that stays on the disk.
func onDisk(t *testing.T) *datasets.Text {
	t.Helper()
	path := filepath.Join(t.TempDir(), "long.txt")
	data := strings.Repeat("the quick brown fox jumps over the lazy dog\n", 2000)
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := datasets.OpenText(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { text.Close() })
	return text
}

// longTask learns a text on the disk; an epoch has 3 steps.
func longTask(t *testing.T, text *datasets.Text, steps int, opts ...Option) (*LMTask, error) {
	c := jointConfig(TaskLM, steps)
	c.Training.Batch, c.Training.Accumulate, c.Training.Seq, c.Training.Stride = 5, 2, 8, 2900
	valid, err := datasets.NewText("valid", "the lazy fox jumps over the quick dog\n")
	if err != nil {
		t.Fatal(err)
	}
	return NewLM(c, text, valid, opts...)
}

// encodes is a task that keeps no tokens.
type encodes struct{ *LMTask }

func (encodes) rereads(budget) map[string]encoded { return nil }

// trainAs trains what of makes of a task, in a folder, and gives what was noticed.
func trainAs(t *testing.T, text *datasets.Text, dir string, steps int, of func(*LMTask) Task) []string {
	t.Helper()
	task, err := longTask(t, text, steps)
	if err != nil {
		t.Fatal(err)
	}
	said := &noticed{}
	if _, err := Train(context.Background(), dir, of(task), Options{Report: said}); err != nil {
		t.Fatal(err)
	}
	return said.notices
}

// The tokens of a text on the disk are kept in the folder of the run, which is the same without them, and are read by
// all processes that train, also those that go on with it. What is damaged is written again.
func TestTokensAreKept(t *testing.T) {
	text := onDisk(t)
	t.Run("read once", func(t *testing.T) { readOnce(t, text) })
	t.Run("in the way", func(t *testing.T) { inTheWay(t, text) })
	plain := func(x *LMTask) Task { return encodes{x} }
	dirs := []string{filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "run")}
	trainAs(t, text, dirs[0], 8, plain)
	trainAs(t, text, dirs[1], 2, plain)
	file := filepath.Join(dirs[1], trainTokens)
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Fatalf("a task that only encodes has tokens: %v", err)
	}
	if err := os.WriteFile(file, []byte("unroll tokens 1\nthe rest is damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	said := trainAs(t, text, dirs[1], 4, func(x *LMTask) Task { return x })
	if info, err := os.Stat(file); err != nil || len(said) != 0 || info.Size() < int64(text.Len()) {
		t.Fatalf("%v, %v, %q", info, err, said)
	}
	if err := os.Truncate(text.Name, 1000); err != nil { // nobody needs it any more
		t.Fatal(err)
	}
	_, errs := trainJointly(t, dirs[1], 2, func(_ int, opts ...Option) (Task, error) {
		return longTask(t, text, 8, opts...)
	})
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	if !slices.EqualFunc(tensorsOf(t, dirs[1], Last), tensorsOf(t, dirs[0], Last), func(a, b checkpoint.Tensor) bool {
		return a.Name == b.Name && slices.Equal(a.Data.([]float32), b.Data.([]float32))
	}) {
		t.Error("a run that keeps tokens has other weights")
	}
}

// What has the name of the file and holds no tokens stays, also when the run is replaced; what holds some goes with it.
func inTheWay(t *testing.T, text *datasets.Text) {
	task, err := longTask(t, text, 1)
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	f, err := OpenFolder(filepath.Join(t.TempDir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = f.keepTokens(stopped, trainTokens, task.data.train.(*datasets.Encoded))
	if left, _ := filepath.Glob(f.path(".*tokens*")); !errors.Is(err, context.Canceled) || len(left) != 0 ||
		len(f.keptTokens()) != 0 {
		t.Errorf("stopped while it wrote: %v, and it left %q", err, left)
	}
	for want, put := range map[string]func(path string) error{
		": it holds no tokens": func(path string) error { return os.WriteFile(path, []byte("notes"), 0o644) },
		"it is a folder":       func(path string) error { return os.Mkdir(path, 0o777) },
		"":                     func(path string) error { return os.WriteFile(path, []byte("unroll tokens 1\n"), 0o644) },
	} {
		f, err := OpenFolder(filepath.Join(t.TempDir(), "run"))
		if err != nil {
			t.Fatal(err)
		}
		if err := put(f.path(trainTokens)); err != nil {
			t.Fatal(err)
		}
		if want != "" {
			err := f.keepTokens(context.Background(), trainTokens, task.data.train.(*datasets.Encoded))
			if err == nil || !strings.Contains(err.Error(), f.path(trainTokens)) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
		f.before = task.Config()
		f.Clear() // says that a folder is in the way of a file
		f.Close()
		if err := os.Remove(f.path(trainTokens)); os.IsNotExist(err) != (want == "") {
			t.Errorf("%q, when the run is replaced: %v", want, err)
		}
	}
}

// Tokens are kept if they are read more than once.
func readOnce(t *testing.T, text *datasets.Text) {
	c := jointConfig(TaskLM, 1)
	c.Training.Batch, c.Training.Accumulate, c.Training.Seq = 4, 1, 1000
	task, err := NewLM(c, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	epoch := task.Epoch()
	for _, x := range []struct {
		budget        budget
		stride, every int
		want          []string
	}{
		{budget{steps: epoch}, 0, 0, nil},
		{budget{steps: epoch}, 0, epoch / 2, []string{validTokens}},
		{budget{steps: epoch + 1}, 0, 2 * epoch, []string{trainTokens}},
		{budget{steps: epoch + 1}, 0, 0, []string{trainTokens, validTokens}},
		{budget{seconds: 60}, 0, 0, []string{trainTokens, validTokens}},
		{budget{steps: 1}, 7, 0, []string{trainTokens}},
	} {
		task.config.Training.Stride, task.config.Training.ValidEvery = x.stride, x.every
		if names := slices.Sorted(maps.Keys(task.rereads(x.budget))); !slices.Equal(names, x.want) {
			t.Errorf("%+v: %q", x, names)
		}
	}
}

// encodesPairs is a task that keeps no tokens.
type encodesPairs struct{ *Seq2SeqTask }

func (encodesPairs) rereads(budget) map[string]encoded { return nil }

// The tokens of pairs on the disk are kept, too: those of the pairs to train on and to validate on in one file, where
// they are parts of the same pairs.
func TestTokensOfPairsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.tsv")
	var text strings.Builder
	for i := range 40 {
		s := strings.Repeat("ab", i%3+1) + string(rune('a'+i%26)) + string(rune('a'+i*i%26))
		text.WriteString(s + "\t" + strings.ToUpper(s) + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	train := func(dir string, of func(*Seq2SeqTask) Task) *Seq2SeqTask {
		c := jointConfig(TaskSeq2Seq, 6)
		c.Training.Batch, c.Training.Accumulate, c.Model.Layers = 16, 1, 1
		pairs, err := datasets.OpenPairs(path, datasets.Format{Header: "no"})
		if err != nil {
			t.Fatal(err)
		}
		task, err := NewSeq2Seq(c, pairs, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { task.Close() })
		if _, err := Train(context.Background(), dir, of(task), Options{}); err != nil {
			t.Fatal(err)
		}
		return task
	}
	dirs := []string{filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "run")}
	train(dirs[0], func(x *Seq2SeqTask) Task { return encodesPairs{x} })
	task := train(dirs[1], func(x *Seq2SeqTask) Task { return x })
	if files, _ := filepath.Glob(filepath.Join(dirs[1], "*.tokens")); len(files) != 1 ||
		filepath.Base(files[0]) != trainTokens {
		t.Errorf("files of tokens: %q", files)
	}
	if !reflect.DeepEqual(tensorsOf(t, dirs[1], Last), tensorsOf(t, dirs[0], Last)) {
		t.Error("a run that keeps tokens has other weights")
	}
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if tokens, err := task.valid.encoded.Tokens(i); err != nil || len(tokens[0]) < 4 {
			t.Fatalf("pair %d is not read from the file of tokens: %v, %v", i, tokens, err)
		}
	}
	for _, x := range []struct {
		budget budget
		every  int
		want   int
	}{
		{budget{steps: task.Epoch()}, task.Epoch(), 0}, {budget{steps: task.Epoch()}, 1, 1},
		{budget{steps: task.Epoch() + 1}, 100, 1}, {budget{seconds: 60}, 100, 1},
	} {
		task.config.Training.ValidEvery = x.every
		if n := len(task.rereads(x.budget)); n != x.want {
			t.Errorf("%+v: %d files", x, n)
		}
	}
}

// A task that knows its folder encodes what is on the disk once, into a file without a name there; one that goes on
// reads the tokens that were kept, and encodes nothing. The bytes are those of a run that knew of no folder.
func TestEncodedIntoTheFolder(t *testing.T) {
	dir := t.TempDir()
	text, pairs := filepath.Join(dir, "text.txt"), filepath.Join(dir, "pairs.tsv")
	var lines strings.Builder
	for i := range 60 {
		s := strings.Repeat("ab", i%3+1) + string(rune('a'+i%26)) + " " + string(rune('a'+i*i%26))
		lines.WriteString(s + "\t" + strings.ToUpper(s) + "\n")
	}
	var opened interface{ Close() error }
	for name, task := range map[string]func(steps int, opts ...Option) (Task, error){
		TaskLM: func(steps int, opts ...Option) (Task, error) {
			data := strings.Repeat("the quick brown fox jumps over the lazy dog\n", 60)
			if err := os.WriteFile(text, []byte(data), 0o644); err != nil {
				return nil, err
			}
			c := jointConfig(TaskLM, steps)
			c.Training.Batch, c.Training.Accumulate, c.Training.Seq, c.Model.Tokens = 4, 1, 60, string(datasets.Word)
			x, err := datasets.OpenText(text)
			if err != nil {
				return nil, err
			}
			opened = x
			return NewLM(c, x, nil, opts...)
		},
		TaskSeq2Seq: func(steps int, opts ...Option) (Task, error) {
			if err := os.WriteFile(pairs, []byte(lines.String()), 0o644); err != nil {
				return nil, err
			}
			c := jointConfig(TaskSeq2Seq, steps)
			c.Training.Batch, c.Training.Accumulate, c.Training.ValidPairs = 16, 1, 1
			x, err := datasets.OpenPairs(pairs, datasets.Format{Header: "no"})
			if err != nil {
				return nil, err
			}
			opened = x
			return NewSeq2Seq(c, x, nil, opts...)
		},
	} {
		dirs := []string{filepath.Join(dir, name, "plain"), filepath.Join(dir, name, "run")}
		train := func(dir string, steps int, gone bool, opts func(*Folder) []Option) {
			t.Helper()
			f, err := OpenFolder(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			before, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			work, err := task(steps, opts(f)...)
			if err != nil {
				t.Fatal(err)
			}
			defer work.Close()
			if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
				t.Errorf("%s: to make the task has changed the folder: %v, %v", name, after, err)
			}
			if gone { // nobody needs the text or the pairs any more
				opened.Close()
			}
			said := &noticed{}
			if _, err := f.Train(context.Background(), work, Options{Report: said}); err != nil || len(said.notices) > 0 {
				t.Fatalf("%s: %v, %q", name, err, said.notices)
			}
		}
		train(dirs[0], 8, false, func(*Folder) []Option { return nil })
		in := func(f *Folder) []Option { return []Option{In(f)} }
		train(dirs[1], 4, name == TaskLM, in) // samples of translations are of pairs as text
		kept, err := os.ReadFile(filepath.Join(dirs[1], trainTokens))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := os.ReadFile(filepath.Join(dirs[0], trainTokens)); err != nil || !bytes.Equal(plain, kept) {
			t.Errorf("%s: other tokens are kept (%v)", name, err)
		}
		train(dirs[1], 8, name == TaskLM, in)
		if !reflect.DeepEqual(tensorsOf(t, dirs[1], Last), tensorsOf(t, dirs[0], Last)) {
			t.Errorf("%s: a task that knows its folder has other weights", name)
		}
	}
}
