// Package cmdline reads command lines as people write them: it completes those that leave out what is clear, and says
// what those probably meant that cannot be read.
//
// It must not know what commands do.
package cmdline

import (
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// Complete are the arguments for an app as its parser wants them.
func Complete(app *kong.Node, args []string) []string {
	return chooseTask(app, joinNegatives(usualWords(args)))
}

// Given are the settings whose flags were given.
func Given(ctx *kong.Context) (names []string) {
	for _, p := range ctx.Path {
		if p.Flag != nil {
			names = append(names, strings.ReplaceAll(p.Flag.Name, "-", "_"))
		}
	}
	return names
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

// chooseTask names what "unroll train" trains, where the command line does not: what has most of the flags that
// are given. Of equals it is the first, so that nothing but common flags means the demo.
func chooseTask(app *kong.Node, args []string) []string {
	if len(args) == 0 || args[0] != "train" ||
		len(args) > 1 && (args[1] == "-h" || args[1] == "--help" || !strings.HasPrefix(args[1], "-")) {
		return args
	}
	task, most := "", -1
	for _, command := range child(app, "train").Children {
		flags := map[string]bool{}
		for _, f := range command.Flags {
			flags[f.Name] = true
		}
		known := 0
		for _, a := range args[1:] {
			name, _, _ := strings.Cut(a, "=")
			if strings.HasPrefix(name, "--") && flags[name[2:]] {
				known++
			}
		}
		if known > most {
			task, most = command.Name, known
		}
	}
	return append([]string{"train", task}, args[1:]...)
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}
