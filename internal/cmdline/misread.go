package cmdline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pkg/errors"
)

var (
	unknownFlag = regexp.MustCompile(`^unknown flag --?([^\s,;]+)`)
	wrongEnum   = regexp.MustCompile(`^--(\S+) must be one of .* but got "(.*)"$`)
	wrongWhole  = regexp.MustCompile(`^--(\S+): expected a valid 64 bit u?int but got "([0-9]*\.[0-9]+)"`)
)

// Misread is an error of reading a command line of an app, with what was probably meant. The app is called so.
func Misread(app *kong.Node, err error, calledAs string) string {
	what, node := err.Error(), selected(err)
	if m := unknownFlag.FindStringSubmatch(what); m != nil && node != nil {
		if meant := meantFlag(app, node, m[1], calledAs); meant != "" {
			what = meant
		}
	}
	if m := wrongEnum.FindStringSubmatch(what); m != nil && m[1] == "device" &&
		slices.Contains(gpuNames, strings.ToLower(m[2])) {
		what = fmt.Sprintf("--device is %q: the name of a GPU is cuda", m[2])
	}
	if m := wrongEnum.FindStringSubmatch(what); m != nil && m[1] == "bleu-tokenize" && strings.Contains(m[2], "mecab") {
		what = fmt.Sprintf(
			"--bleu-tokenize is %q: that needs a dictionary, which unroll does not have; char cuts such texts, too", m[2],
		)
	}
	if m := wrongWhole.FindStringSubmatch(what); m != nil {
		what = fmt.Sprintf("--%s is %s: it must be a whole number", m[1], m[2])
		if m[1] == "epochs" {
			what += "; --steps is for a part of an epoch"
		}
	}
	command := calledAs
	if node != nil {
		command += " " + node.Path()
	}
	return fmt.Sprintf("%s; see %s --help", what, command)
}

// meantFlag says what was meant by a flag that a command does not have; "" if that is not known.
func meantFlag(app, command *kong.Node, name, calledAs string) string {
	plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, meant := range []string{otherFlags[plain], plain} {
		if meant != "" && hasFlag(command, meant) {
			return fmt.Sprintf("unknown flag --%s, its name is --%s", name, meant)
		}
	}
	if slices.Contains(dataNames, plain) {
		if where := whereData(command, calledAs); where != "" {
			return fmt.Sprintf("unknown flag --%s, %s", name, where)
		}
	}
	training := command.Parent != nil && command.Parent.Name == "train"
	for _, meant := range []string{otherFlags[plain], plain} {
		if meant == "" {
			continue
		}
		where, also := app.Children, ""
		if training && len(commandsWith(command.Parent.Children, meant)) > 0 {
			where, also = command.Parent.Children, ", or the flags of the other"
		}
		if paths := commandsWith(where, meant); len(paths) > 0 {
			return fmt.Sprintf("%s--%s is for %s, and this is %s: leave it out%s",
				differs(name, meant), meant, strings.Join(paths, ", "), command.Path(), also)
		}
	}
	return ""
}

// differs begins a message about a flag that has another name than was given.
func differs(given, name string) string {
	if given == name {
		return ""
	}
	return fmt.Sprintf("unknown flag --%s, ", given)
}

// whereData says how a command is told of data; "" if it needs none.
func whereData(command *kong.Node, calledAs string) string {
	var kinds []string
	for _, kind := range []string{"text", "pairs", "src", "table", "folder", "idx", "conllu"} {
		if hasFlag(command, kind) {
			kinds = append(kinds, "--"+kind)
		}
	}
	switch {
	case slices.Contains([]string{"translate", "classify"}, command.Path()):
		return fmt.Sprintf("texts are read from stdin, as in %s %s RUN < FILE", calledAs, command.Path())
	case len(kinds) > 0:
		return fmt.Sprintf("the data of %s are named with %s", command.Path(), strings.Join(kinds, ", "))
	}
	return ""
}

// commandsWith are those of commands, or below them, that have a flag; a command stands for all below it.
func commandsWith(commands []*kong.Node, flag string) (paths []string) {
	for _, c := range commands {
		var below []string
		for _, child := range c.Children {
			if hasFlag(child, flag) {
				below = append(below, child.Path())
			}
		}
		if len(below) > 0 && len(below) == len(c.Children) || hasFlag(c, flag) {
			below = []string{c.Path()}
		}
		paths = append(paths, below...)
	}
	return paths
}

func hasFlag(n *kong.Node, name string) bool {
	return slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == name })
}

// selected is the command that a parse error is about; nil if there is none.
func selected(err error) *kong.Node {
	var p *kong.ParseError
	if errors.As(err, &p) {
		return p.Context.Selected()
	}
	return nil
}
