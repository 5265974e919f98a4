// Package configfile reads configurations of trainings from files, as values of the flags of the command line, and
// writes them with a comment for each setting.
//
// A setting has its place in run.Config, and a flag, which has its text, its default and its type; the commands have
// the rules. So there is one of each: a file is read as if it were flags, those of the command line come first, and
// what is wrong with a value is found where it is found for a flag, and told with the line of the file.
package configfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/recipes"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Line is a command line that trains, in which what it only names was looked up.
type Line struct {
	Args []string
	File *File          // the configuration that it names; nil: none
	Sets []*catalog.Set // that the training reads
}

// maxFile is how many bytes of a configuration are read.
const maxFile = 1 << 17

// Open looks up what a command line names: a configuration (--config), a recipe (--recipe), a data set (--data). dir is
// the folder of data sets. Command lines that do not train stay as they are. A name that is not known is a NameError.
func Open(app *kong.Node, args []string, dir func() (string, error)) (*Line, error) {
	line := &Line{Args: args}
	if len(args) == 0 || args[0] != "train" {
		return line, nil
	}
	train := app.Children[slices.IndexFunc(app.Children, func(n *kong.Node) bool { return n.Name == "train" })]
	if err := line.open(train, dir); err != nil {
		return nil, err
	}
	if name, _ := line.cut("--data"); name != "" {
		if err := line.useSet(name, dir); err != nil {
			return nil, err
		}
	}
	return line, nil
}

// open reads the configuration that the line names, and gives the line its task.
func (l *Line) open(train *kong.Node, dir func() (string, error)) error {
	path, recipe := l.valueOf("--config"), l.valueOf("--recipe")
	var err error
	switch {
	case (path == "") == (recipe == ""): // both exclude each other, as the command line says
		return nil
	case path != "":
		l.File, err = readFile(path, train, dir)
	default:
		var known *recipes.Recipe
		if known, err = FindRecipe(recipe); err == nil {
			l.File, err = Read("recipe "+recipe, known.Text, train, dir)
		}
	}
	if err != nil {
		return err
	}
	if l.File.Set != nil {
		l.Sets = append(l.Sets, l.File.Set)
	}
	if len(l.Args) < 2 || strings.HasPrefix(l.Args[1], "-") {
		l.Args = slices.Insert(slices.Clone(l.Args), 1, l.File.Task)
	}
	if task := l.Args[1]; task != l.File.Task && slices.ContainsFunc(train.Children, func(n *kong.Node) bool { return n.Name == task }) {
		return l.File.wrong(0, "it is for train %s, and this is train %s", l.File.Task, task)
	}
	return nil
}

// FindRecipe is the recipe of a name, or a NameError.
func FindRecipe(name string) (*recipes.Recipe, error) {
	r, ok := recipes.Find(name)
	if !ok {
		return nil, &NameError{unknownName("recipe", name, recipes.Names()).Error()}
	}
	return r, nil
}

// readFile reads the configuration in a file, or of the run in a folder.
func readFile(path string, train *kong.Node, dir func() (string, error)) (*File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, run.ConfigName)
	}
	text, err := safefile.Read(path, maxFile)
	if err != nil {
		return nil, run.NewInputError("`config`", err)
	}
	return Read(path, text, train, dir)
}

// useSet puts the flags of a data set in the place of --data.
func (l *Line) useSet(name string, dir func() (string, error)) error {
	set, err := FindSet(name)
	if err != nil {
		return &NameError{"--data: " + err.Error() + "; files of your own are named with --text, --pairs and others: " +
			"see unroll train --help"}
	}
	folder, err := dir()
	if err != nil {
		return err
	}
	_, l.Args = l.cut("--data")
	l.Args = append(slices.Clip(l.Args), set.Arguments(folder)...)
	if set.Task != "" && strings.HasPrefix(l.Args[1], "-") {
		l.Args = slices.Insert(l.Args, 1, set.Task)
	}
	l.Sets = []*catalog.Set{set} // those of the file are read no more
	return nil
}

// NameError says that a command line has a name that is not known.
type NameError struct{ What string }

func (e *NameError) Error() string { return e.What }

// valueOf is the value of a flag of the line; "" if it has none.
func (l *Line) valueOf(flag string) string {
	value, _ := l.cut(flag)
	return value
}

// cut is the value of a flag of the line, "" if it has none, and the line without it.
func (l *Line) cut(flag string) (value string, rest []string) {
	for i, a := range l.Args {
		if v, ok := strings.CutPrefix(a, flag+"="); ok {
			return v, slices.Delete(slices.Clone(l.Args), i, i+1)
		}
		if a == flag && i+1 < len(l.Args) {
			return l.Args[i+1], slices.Delete(slices.Clone(l.Args), i, i+2)
		}
	}
	return "", l.Args
}
