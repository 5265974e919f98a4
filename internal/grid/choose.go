package grid

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The flags that are about a grid.
const (
	gridFlag = "--grid"
	taskFlag = "--task-id"
	dryFlag  = "--dry-run"
)

// outerFlags are those that no line may have.
var outerFlags = []string{"--out", gridFlag, taskFlag, dryFlag}

// Command is the command line of a training of a grid.
type Command struct {
	Args  []string
	Where string // its line, as in grid.txt:3
}

// UsageError says that a command line asks for no training of its grid.
type UsageError struct{ What string }

func (e *UsageError) Error() string { return e.What }

// Choose is the training of the grid that a command line names with --grid: that of the task --task-id or, without
// it, of the task that a job array has made this process ($SLURM_ARRAY_TASK_ID, or Kubernetes' $JOB_COMPLETION_INDEX,
// which counts from 0). With --dry-run, and dry, it is all of them, and nothing is to be trained. None: there is no
// --grid.
//
// An error is a *UsageError, an *Error, or that of reading the file.
func Choose(args []string, getenv func(string) string) (all []Command, dry bool, err error) {
	o, ok := options(args)
	if !ok {
		return nil, false, nil
	}
	if o.path == "" {
		return nil, false, &UsageError{fmt.Sprintf("%s and %s are for the trainings of a file: name it with %s",
			taskFlag, dryFlag, gridFlag)}
	}
	g, err := Read(o.path)
	if err != nil {
		return nil, false, err
	}
	if o.dry {
		for i := range g.Trainings {
			all = append(all, o.command(g, i))
		}
		return all, true, nil
	}
	i, err := o.index(len(g.Trainings), getenv)
	if err != nil {
		return nil, false, err
	}
	return []Command{o.command(g, i)}, false, nil
}

// asked is what a command line says of a grid.
type asked struct {
	path, task string
	dry        bool
	out        string   // --out; "": not given
	rest       []string // without all these
}

// options takes apart the command line of a training; false: it says nothing of a grid, or it is for the parser to
// say what is missing.
func options(args []string) (o asked, ok bool) {
	if len(args) == 0 || args[0] != "train" {
		return o, false
	}
	values := map[string]*string{gridFlag: &o.path, taskFlag: &o.task, "--out": &o.out}
	for i := 0; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		to := values[flag]
		switch {
		case args[i] == dryFlag:
			o.dry, ok = true, true
			continue
		case to == nil:
			o.rest = append(o.rest, args[i])
			continue
		case !joined && i+1 == len(args):
			return o, false
		case !joined:
			i++
			value = args[i]
		}
		*to = value
		ok = ok || flag != "--out"
	}
	return o, ok
}

// index is which of so many trainings is asked for, from 0.
func (o *asked) index(trainings int, getenv func(string) string) (int, error) {
	const slurm, kubernetes = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
	name, text, first := taskFlag, o.task, 1
	if text == "" {
		name, text = "$"+slurm, getenv(slurm)
	}
	if text == "" {
		name, text, first = "$"+kubernetes, getenv(kubernetes), 0
	}
	last := trainings - 1 + first
	if text == "" {
		return 0, &UsageError{fmt.Sprintf("which training of %s? %s 1 to %d, or a job array with as many tasks; %s shows all",
			o.path, taskFlag, trainings, dryFlag)}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < first || n > last {
		return 0, &UsageError{fmt.Sprintf("%s is %s: the trainings of %s are %d to %d", name, text, o.path, first, last)}
	}
	return n - first, nil
}

// command is that of a training: its flags come after those of the command line, so that they count where both are
// given. Its folder is in --out or, without it, in runs, in a folder of the grid's name.
func (o *asked) command(g *Grid, i int) Command {
	t := g.Trainings[i]
	parent := o.out
	if parent == "" {
		file := filepath.Base(o.path)
		parent = filepath.Join("runs", strings.TrimSuffix(file, filepath.Ext(file)))
	}
	task := 0 // words that name what is trained, which come before flags
	for task < len(t.Args) && !strings.HasPrefix(t.Args[task], "-") {
		task++
	}
	words := slices.Concat([]string{"train"}, t.Args[:task], o.rest[1:], t.Args[task:],
		[]string{"--out", filepath.Join(parent, t.Name)})
	return Command{Args: words, Where: fmt.Sprintf("%s:%d", g.Path, t.Line)}
}
