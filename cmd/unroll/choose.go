package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

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
