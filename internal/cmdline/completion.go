package cmdline

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/pkg/errors"
	"github.com/posener/complete"
)

// lineEnv is what a shell sets that asks for completions.
const lineEnv = "COMP_LINE"

// CompleteShell answers a shell that asks how a command line may go on; false: none asks. names are those that a flag
// or an argument, by its name, may have; RUN and FOLDER, which are folders of runs, are known.
func CompleteShell(parser *kong.Kong, names map[string]func() []string) (bool, error) {
	if os.Getenv(lineEnv) == "" {
		return false, nil
	}
	command, err := kongcompletion.Command(parser)
	if err != nil {
		return false, errors.WithStack(err)
	}
	by := map[string]complete.Predictor{"RUN": runs, "FOLDER": runs, "from": runs}
	for name, list := range names {
		by[name] = complete.PredictFunc(func(complete.Args) []string { return list() })
	}
	adjust(parser.Model.Node, &command, by)
	train := command.Sub["train"]
	train.Flags = complete.Flags{}
	for _, task := range train.Sub { // the flags say which, if it is left out
		maps.Copy(train.Flags, task.GlobalFlags)
	}
	command.Sub["train"] = train
	c := complete.New(parser.Model.Name, command)
	c.Out = parser.Stdout
	return c.Complete(), nil
}

// adjust gives flags and arguments of a command what may be there.
func adjust(node *kong.Node, command *complete.Command, by map[string]complete.Predictor) {
	for _, flag := range node.Flags {
		p := by[flag.Name]
		switch {
		case p != nil:
		case flag.PlaceHolder == "FILE":
			p = complete.PredictFiles("*")
		case flag.PlaceHolder == "DIR":
			p = complete.PredictDirs("*")
		default:
			continue
		}
		command.GlobalFlags["--"+flag.Name] = p
	}
	if args, ok := command.Args.(*kongcompletion.PositionalPredictor); ok {
		for i, a := range node.Positional {
			p := by[node.Name+" "+a.Name]
			if p == nil {
				p = by[a.Name]
			}
			if p == nil {
				continue
			}
			args.Predictors[i] = p
			for a.IsCumulative() && len(args.Predictors) < 100 { // as many more
				args.Predictors = append(args.Predictors, p)
			}
		}
	}
	for _, child := range node.Children {
		if sub, ok := command.Sub[child.Name]; ok {
			adjust(child, &sub, by)
			command.Sub[child.Name] = sub
		}
	}
}

// runs are the folders of runs on the way from what is typed, or else all folders.
var runs = complete.PredictFunc(func(a complete.Args) []string {
	var found []string
	for _, pattern := range []string{a.Last + "*", a.Last + "*/*", "runs/*"} {
		configs, _ := filepath.Glob(filepath.Join(pattern, "config.yaml")) // an error means a wrong pattern
		for _, c := range configs {
			found = append(found, filepath.Dir(c))
		}
	}
	if len(found) == 0 {
		return complete.PredictDirs("*").Predict(a)
	}
	slices.Sort(found)
	return slices.Compact(found)
})
