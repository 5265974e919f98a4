// Package cmdline reads command lines as people write them: it completes those that leave out what is clear, and says
// what those probably meant that cannot be read.
//
// It must not know what commands do.
package cmdline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pkg/errors"
)

// Usual are the arguments in the words of the app, as its parser reads them.
func Usual(args []string) []string { return joinNegatives(usualWords(args)) }

// Given are the settings whose flags were given.
func Given(ctx *kong.Context) (names []string) {
	for _, p := range ctx.Path {
		if p.Flag != nil {
			names = append(names, strings.ReplaceAll(p.Flag.Name, "-", "_"))
		}
	}
	return names
}

// Empty says which flag is given an empty name of a file, a folder or a run, as of a variable that is not set; "" if
// none is. It would be as if the flag were not there.
func Empty(ctx *kong.Context) string {
	for _, p := range ctx.Path {
		f := p.Flag
		if f == nil || !slices.Contains([]string{"FILE", "DIR", "PATH", "RUN"}, f.PlaceHolder) {
			continue
		}
		if value, ok := ctx.FlagValue(f).(string); ok && value == "" {
			return fmt.Sprintf("--%s is empty: give it a name, or leave it out", f.Name)
		}
	}
	return ""
}

// usualWords turns how other programs are asked for help or their version into the words of this one. Nothing
// at all asks for help.
func usualWords(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case args[0] == "--version" || args[0] == "-v" || args[0] == "-V":
		return []string{"version"}
	}
	return args
}

// joinNegatives makes "--flag -3" one argument: kong takes a word that begins with a dash for a flag, and would
// not let the subcommand say what is wrong with the number.
func joinNegatives(args []string) []string {
	var joined []string
	for _, a := range args {
		if _, err := strconv.ParseFloat(a, 64); err == nil && strings.HasPrefix(a, "-") && len(joined) > 0 {
			if last := joined[len(joined)-1]; strings.HasPrefix(last, "--") && !strings.Contains(last, "=") {
				joined[len(joined)-1] = last + "=" + a
				continue
			}
		}
		joined = append(joined, a)
	}
	return joined
}

// ChooseTask names what "unroll train" trains, where the command line does not: what has most of the flags that
// are given. Of equals it is the first, so that nothing but common flags means the demo; but where flags of data, of the
// group "Data:", are those of several others, the user must say which. A flag that does not fit a task does not
// count.
func ChooseTask(
	app *kong.Node, args []string, calledAs string, fits func(task, flag, value string) bool,
) ([]string, error) {
	if len(args) == 0 || args[0] != "train" ||
		len(args) > 1 && (args[1] == "-h" || args[1] == "--help" || !strings.HasPrefix(args[1], "-")) {
		return args, nil
	}
	var tasks []string
	most, named := -1, "" // what all of them name data with
	for _, command := range child(app, "train").Children {
		known, data := 0, ""
		for k, a := range args {
			name, value, joined := strings.Cut(a, "=")
			if !joined && k+1 < len(args) {
				value = args[k+1]
			}
			i := slices.IndexFunc(command.Flags, func(f *kong.Flag) bool { return name == "--"+f.Name })
			if i < 0 || !fits(command.Name, command.Flags[i].Name, value) {
				continue
			}
			known++
			if g := command.Flags[i].Group; data == "" && g != nil && g.Key == "Data:" && !strings.HasPrefix(name, "--valid") {
				data = name
			}
		}
		switch {
		case known > most:
			tasks, most, named = []string{command.Name}, known, data
		case known == most:
			tasks = append(tasks, command.Name)
			if data != named {
				named = ""
			}
		}
	}
	if named != "" && len(tasks) > 1 && tasks[0] != child(app, "train").Children[0].Name {
		return nil, errors.Errorf("%s is for train %s: say which, as in %s train %s %s ...", named,
			strings.Join(tasks, ", train "), calledAs, tasks[len(tasks)-1], named)
	}
	return append([]string{"train", tasks[0]}, args[1:]...), nil
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}
