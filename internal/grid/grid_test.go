package grid

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, data string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("grid.txt", []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return "grid.txt"
}

func TestRead(t *testing.T) {
	path := write(t, "\ufeff# a sweep\r\n\r\n"+
		"--cell lstm --hidden 64   # a comment\r\n"+
		"\t--cell=gru --crf\n"+
		"   \t\n"+
		"long.1: --steps 20000\n"+
		`lm --text 'my "files"/a#b.txt' --prompt "it's \"so\" \n" --x a\ b`+"\n"+
		"--note '' --lr -1e-3\n"+
		"base:")
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Training{
		{3, "cell=lstm,hidden=64", []string{"--cell", "lstm", "--hidden", "64"}},
		{4, "cell=gru,crf", []string{"--cell=gru", "--crf"}},
		{6, "long.1", []string{"--steps", "20000"}},
		{7, "lm,text=my--files--a-b.txt,prompt=it-s--so---n,x=a-b-", []string{
			"lm", "--text", `my "files"/a#b.txt`, "--prompt", `it's "so" \n`, "--x", "a b"}},
		{8, "note=,lr=-1e-3", []string{"--note", "", "--lr", "-1e-3"}},
		{9, "base", []string{}},
	}
	if n := len(got.Trainings); n == len(want) { // the sum at the end of a name is not what this is about
		name := &got.Trainings[3].Name
		if sum := (*name)[len(*name)-8:]; strings.Trim(sum, "0123456789abcdef") != "" {
			t.Errorf("%s does not end with a sum", *name)
		}
		*name = (*name)[:len(*name)-8]
	}
	if diff := cmp.Diff(want, got.Trainings); diff != "" {
		t.Error(diff)
	}
}

// Names are those of folders, short, and no two lines that ask for other trainings have the same.
func TestNames(t *testing.T) {
	seen := map[string]string{}
	for _, line := range []string{
		"--text data/a", "--text data-a", "--text data\\ a", "--text 'data,a'", "--text ../../etc", "--text /", "--text .",
		"--labels a,b", "--labels a --b", "--text " + strings.Repeat("x", 300), "--text " + strings.Repeat("x", 301),
		"--text ä", "--text ö", "--text '\x1b[2J'", "--", "- -", "---", "-h", ".hidden", "'a\nb'", "''", "--a b=c",
		"--a=b --c",
		"--a=b=c",
	} {
		words, err := split(line)
		if err != nil {
			t.Fatal(err)
		}
		name := nameOf(words)
		if !usable(name) || len(name) > maxName || name != filepath.Base(name) {
			t.Errorf("%s: the name %q", line, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s are both %s", other, line, name)
		}
		seen[name] = line
	}
}

const (
	nameRule = ": it may have 100 characters at most, letters, digits and -_.+=@, and must not begin with a dot or a dash"

	outerRule = " is for the command line: the folder of a line is called as its flags, or as a name and a colon before them"
)

func TestReadRefuses(t *testing.T) {
	for data, want := range map[string]string{
		"":                           "grid.txt: it has no training: write the flags of each on a line",
		"# nothing\n\n":              "grid.txt: it has no training: write the flags of each on a line",
		"--a 1\n\n--b 'x\n":          "grid.txt:3: a quote ' that is not closed",
		"--a \"x\\\"\n":              "grid.txt:1: a quote \" that is not closed",
		"--a 1 \\\n--b 2\n":          "grid.txt:1: a backslash at its end: a training is on one line",
		"--a 1\n--b 2\n --a=1 # x\n": "grid.txt:3: it has the folder of line 1, a=1: change its flags or its name",
		"a: --a 1\na: --a 2\n":       "grid.txt:2: it has the folder of line 1, a: change its flags or its name",
		"../a: --a 1\n":              `grid.txt:1: the name "../a"` + nameRule,
		": --a 1\n":                  `grid.txt:1: the name ""` + nameRule,
		"--a 1\n--out=x\n":           "grid.txt:2: --out" + outerRule,
		"--task-id 3\n":              "grid.txt:1: --task-id" + outerRule,
	} {
		_, err := Read(write(t, data))
		var e *Error
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", data, err, want)
		}
	}
	if _, err := Read("nothing.txt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// Kubernetes shows the files of a ConfigMap through two links; people link to files in other folders.
func TestReadThroughLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"volume/..2026_11_28", "grids"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("volume/..2026_11_28/grid.txt", []byte("--a 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"volume/..data": "..2026_11_28", "volume/grid.txt": "..data/grid.txt", "grids/mine.txt": "../volume/grid.txt",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Skip(err)
		}
	}
	for _, path := range []string{"volume/grid.txt", "grids/mine.txt"} {
		if g, err := Read(path); err != nil || len(g.Trainings) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.WriteFile("large.txt", make([]byte, maxBytes+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read("large.txt"); err == nil || err.Error() != "large.txt: it is too large: at most 16777216 bytes are read" {
		t.Error(err)
	}
}

const four = "--hidden 1\n# a comment\n--hidden 2\nlm --hidden 3\n--hidden 4\n"

func TestChoose(t *testing.T) {
	write(t, four)
	for _, c := range []struct {
		args, env string
		want      string
	}{
		{"train lm --lr 1 --grid grid.txt --task-id 2 --seed 3", "", "train lm --lr 1 --seed 3 --hidden 2 --out runs/grid/hidden=2"},
		{"train --grid=grid.txt --task-id=1 --out a/b", "SLURM_ARRAY_TASK_ID=4", "train --hidden 1 --out a/b/hidden=1"},
		{"train --seed 3 --grid grid.txt", "SLURM_ARRAY_TASK_ID=3", "train lm --seed 3 --hidden 3 --out runs/grid/lm,hidden=3"},
		{"train --out=x --grid grid.txt", "JOB_COMPLETION_INDEX=0", "train --hidden 1 --out x/hidden=1"},
		{"train --grid grid.txt", "JOB_COMPLETION_INDEX=3", "train --hidden 4 --out runs/grid/hidden=4"},
	} {
		all, dry, err := Choose(strings.Fields(c.args), env(c.env))
		if err != nil || dry || len(all) != 1 || strings.Join(all[0].Args, " ") != c.want {
			t.Errorf("%s, %s: %v, %v", c.args, c.env, all, err)
		}
	}
	all, _, err := Choose(strings.Fields("train --grid grid.txt"), env("SLURM_ARRAY_TASK_ID=2"))
	if err != nil || all[0].Where != "grid.txt:3" {
		t.Errorf("the second training is %v, %v", all, err)
	}
	all, dry, err := Choose(strings.Fields("train --lr 2 --grid grid.txt --dry-run"), env("SLURM_ARRAY_TASK_ID=2"))
	if err != nil || !dry || len(all) != 4 || strings.Join(all[3].Args, " ") != "train --lr 2 --hidden 4 --out runs/grid/hidden=4" {
		t.Errorf("all are %v, %v, %v", all, dry, err)
	}
}

// What is no sweep stays as it is; what is one and says not which is refused.
func TestChooseRefuses(t *testing.T) {
	write(t, four)
	for _, args := range []string{"", "train", "train lm --out x", "eval --grid grid.txt", "train --grid", "train --grid grid.txt --task-id"} {
		if all, _, err := Choose(strings.Fields(args), env("SLURM_ARRAY_TASK_ID=1")); err != nil || all != nil {
			t.Errorf("%s: %v, %v", args, all, err)
		}
	}
	for _, c := range []struct{ args, env, want string }{
		{"train --task-id 3", "", "--task-id and --dry-run are for the trainings of a file: name it with --grid"},
		{"train --grid grid.txt", "", "which training of grid.txt? --task-id 1 to 4, or a job array with as many tasks; --dry-run shows all"},
		{"train --grid grid.txt --task-id 5", "", "--task-id is 5: the trainings of grid.txt are 1 to 4"},
		{"train --grid grid.txt --task-id 0", "", "--task-id is 0: the trainings of grid.txt are 1 to 4"},
		{"train --grid grid.txt --task-id two", "", "--task-id is two: the trainings of grid.txt are 1 to 4"},
		{"train --grid grid.txt", "SLURM_ARRAY_TASK_ID=0", "$SLURM_ARRAY_TASK_ID is 0: the trainings of grid.txt are 1 to 4"},
		{"train --grid grid.txt", "JOB_COMPLETION_INDEX=4", "$JOB_COMPLETION_INDEX is 4: the trainings of grid.txt are 0 to 3"},
	} {
		_, _, err := Choose(strings.Fields(c.args), env(c.env))
		var e *UsageError
		if !errors.As(err, &e) || e.What != c.want {
			t.Errorf("%s, %s:\ngot  %v\nwant %s", c.args, c.env, err, c.want)
		}
	}
}

// env is an environment of one variable.
func env(setting string) func(string) string {
	name, value, _ := strings.Cut(setting, "=")
	return func(asked string) string {
		if asked == name {
			return value
		}
		return ""
	}
}
