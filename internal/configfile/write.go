package configfile

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// width is that of a line of a file.
const width = 80

// Commented is the text of config.yaml, with a comment for each setting that the command has: what it is, its default
// and its bounds. What the configuration does not have is there as a comment, with its default.
func Commented(command *kong.Node, c *run.Config) []byte {
	w := &writer{task: c.Task, flags: map[string]*kong.Flag{}, negated: map[string]bool{}}
	named := *c
	named.Format = run.ConfigFormat
	if err := w.tree.Encode(named); err != nil { // strings and numbers always encode
		panic(err)
	}
	for _, flag := range command.Flags {
		path, not := placeOf(c.Task, flag.Name)
		if path != "" {
			w.flags[path], w.negated[path] = flag, not
		}
		w.measures = w.measures || path == "" && strings.HasPrefix(flag.Name, "valid-") && namesData(c.Task, flag.Name)
	}
	usual := run.Defaults(c.Task)
	w.bounds = boundsOf(&usual)
	fmt.Fprintf(&w.out, "# A training of unroll, of %s.\n# unroll train --config FILE begins one; flags come before what "+
		"is here.\n", run.TaskName(c.Task))
	w.section("", &w.tree, "")
	return w.out.Bytes()
}

type writer struct {
	task    string
	tree    yaml.Node             // of the configuration
	flags   map[string]*kong.Flag // of settings
	negated map[string]bool       // those of which the flag says the opposite
	bounds  map[string]string

	found    bool // the line before is one of a setting that the run has found
	measures bool // there are flags that name data to validate on
	out      bytes.Buffer
}

// section writes the settings of a section; n is nil if the configuration does not have it.
func (w *writer) section(section string, n *yaml.Node, indent string) {
	for _, k := range inside(section) {
		name, v := leaf(k.path), (*yaml.Node)(nil)
		if n != nil {
			v = at(n, name)
		}
		switch {
		case k.typ != nil:
			w.setting(k, n, v, indent)
			continue
		case v != nil && len(v.Content) > 0:
			fmt.Fprintf(&w.out, "\n%s%s:\n", indent, name)
			w.section(k.path, v, indent+"  ")
		case v != nil && k.path != "data": // which is not the same as none
			fmt.Fprintf(&w.out, "\n%s%s: {} # or, in the place of {}:\n", indent, name)
			w.section(k.path, nil, indent+"  ")
		case v != nil || w.has(k.path):
			fmt.Fprintf(&w.out, "\n%s# %s:\n", indent, name)
			w.section(k.path, nil, indent+"  ")
		}
		w.found = false
	}
}

// has says whether the task has a setting of a section that is not in the configuration, which is to be shown.
func (w *writer) has(section string) bool {
	if section == "data.valid" {
		return w.measures
	}
	return slices.ContainsFunc(inside(section), func(k key) bool {
		return w.flags[k.path] != nil && !strings.HasSuffix(section, ".options")
	})
}

// setting writes a setting with its comment: n is its section, nil if there is none, and v its value, nil likewise.
func (w *writer) setting(k key, n, v *yaml.Node, indent string) {
	flag, name := w.flags[k.path], leaf(k.path)
	comment := w.comment(k, flag)
	switch {
	case slices.Contains(found, k.path):
		if v == nil || v.Kind == yaml.ScalarNode && v.Value == "" {
			return
		}
		if !w.found {
			fmt.Fprintf(&w.out, "\n%s# Found by the run; a new one finds its own:\n", indent)
		}
		w.found = true
		w.out.WriteString(indent + w.line(name, v))
		return
	case comment == "":
		if v != nil {
			w.out.WriteString(indent + w.line(name, v))
		}
		return
	}
	w.found = false
	w.out.WriteString("\n")
	for _, line := range strings.Split(words.Wrap(comment, width-len(indent)-4), "\n") {
		fmt.Fprintf(&w.out, "%s# %s\n", indent, strings.TrimSpace(line))
	}
	switch zero := reflect.Zero(k.typ); {
	case v != nil:
		w.out.WriteString(indent + w.line(name, v))
	case flag == nil:
		fmt.Fprintf(&w.out, "%s# %s: %s\n", indent, name, sourceForm[name])
	case n != nil && isNumber(k.typ) && !isZeroText(w.usual(k.path, flag)): // left out, it would be its default
		fmt.Fprintf(&w.out, "%s%s: %v\n", indent, name, zero)
	default:
		fmt.Fprintf(&w.out, "%s# %s: %s\n", indent, name, w.example(k.path, flag))
	}
}

func isNumber(t reflect.Type) bool {
	return slices.Contains([]reflect.Kind{reflect.Bool, reflect.Int, reflect.Float64}, t.Kind())
}

func isZeroText(s string) bool { return s == "" || s == "0" || s == "false" }

// usual is the default of a setting, as YAML has it.
func (w *writer) usual(path string, flag *kong.Flag) string {
	switch text := flag.Default; {
	case flag.IsBool():
		return fmt.Sprint(w.negated[path])
	case text != "":
		return text
	case flag.IsSlice():
		return "[]"
	}
	return ""
}

// example is what a setting that is left out looks like.
func (w *writer) example(path string, flag *kong.Flag) string {
	return cmp.Or(w.usual(path, flag), flag.PlaceHolder)
}

// opposites say what a setting is of which the flag says the opposite.
var opposites = map[string]string{
	"model.bidirectional": "Read sentences from both ends.",
	"model.tag.lower":     "Look words up in lower case. Characters are read as they are, in any case.",
}

// line is a key and its value.
func (w *writer) line(name string, v *yaml.Node) string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	pair := yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, v}}
	if err := enc.Encode(&pair); err != nil { // it was encoded before
		panic(err)
	}
	return b.String()
}

// sourceForm is how kind and paths are written.
var sourceForm = map[string]string{"kind": "KIND", "paths": "[FILE]"}

var flagName = regexp.MustCompile(`--([a-z][a-z0-9-]*)`)

// comment says what a setting is; "" for one that says nothing to a new run.
func (w *writer) comment(k key, flag *kong.Flag) string {
	switch {
	case isSource(k.path) && leaf(k.path) == "kind":
		return "What names the data on the command line: " + strings.Join(run.DataKinds[w.task], ", ") + "."
	case isSource(k.path):
		return "The files or the folder; of the kind task, its name."
	case flag == nil:
		return ""
	}
	text := flag.Help
	if w.negated[k.path] {
		text = opposites[k.path]
	}
	if usual := w.usual(k.path, flag); usual != "" && !strings.Contains(text, "efault") {
		text += " Default: " + usual + "."
	}
	if b := w.bounds[k.path]; b != "" {
		text += " " + b
	}
	if slices.Contains(zeroIsNone, k.path) {
		text += " 0: as if it were not there."
	}
	return flagName.ReplaceAllStringFunc(text, func(name string) string {
		return strings.ReplaceAll(name[2:], "-", "_")
	})
}
