package configfile

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/trainer/run"
)

// File is a configuration that was read, as values of flags.
type File struct {
	Name string       // as errors call it
	Task string       // that it is for
	Set  *catalog.Set // that it names; nil: none

	flags map[string]value
	used  map[string]bool // those that the command line has left to it
}

// value is a value of a flag, as the command line would have it.
type value struct {
	text string
	line int
}

// Read reads a configuration for the commands below train. dir is the folder of data sets, which is asked for if the
// file names one. What is wrong is a *datasets.Error with the line.
func Read(name string, text []byte, train *kong.Node, dir func() (string, error)) (*File, error) {
	f := &File{Name: name, flags: map[string]value{}, used: map[string]bool{}}
	top, err := f.parse(text)
	if err != nil {
		return nil, err
	}
	r := &reader{File: f, values: map[string]*yaml.Node{}, lines: map[string]int{}}
	if err := r.walk("", top); err != nil {
		return nil, err
	}
	if err := r.head(train); err != nil {
		return nil, err
	}
	if err := r.settings(); err != nil {
		return nil, err
	}
	return f, r.data(dir)
}

func (f *File) wrong(line int, format string, args ...any) error {
	return &datasets.Error{File: f.Name, Line: line, What: fmt.Sprintf(format, args...)}
}

// yamlLine is the line that YAML's own errors begin with.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parse is the mapping that the file holds.
func (f *File) parse(text []byte) (*yaml.Node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for i, line := range bytes.Split(text, []byte("\n")) {
		if indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; bytes.ContainsRune(indent, '\t') {
			return nil, f.wrong(i+1, "a tab before a key: YAML is indented with blanks")
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if err == nil {
		err = decoder.Decode(&more)
	}
	switch {
	case err == io.EOF && document.Kind == 0:
		return nil, f.wrong(0, "it is empty: unroll train --print-config shows what a configuration has")
	case err == nil:
		return nil, f.wrong(more.Line, "a second document: a file holds one configuration")
	case err != io.EOF:
		m := yamlLine.FindStringSubmatch(err.Error())
		if m == nil {
			m = []string{"", ""}
		}
		line, _ := strconv.Atoi(m[1]) // 0 if there is none
		return nil, f.wrong(line, "not YAML: %s", strings.TrimPrefix(err.Error(), m[0]))
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, f.wrong(top.Line, "%s: a configuration has a key, a colon and a value a line, such as `task: lm`", kindOf(top))
	}
	return top, nil
}

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a section"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// reader collects what a file says.
type reader struct {
	*File
	values map[string]*yaml.Node // of settings
	lines  map[string]int        // of settings and sections
	order  []string              // the settings, as the file has them

	command *kong.Node // that trains the task
}

// walk collects the settings of a section. It knows all keys there are, whatever the task.
func (r *reader) walk(section string, n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i], n.Content[i+1]
		path := strings.TrimPrefix(section+"."+name.Value, ".")
		k, known := keyAt(path)
		if path == setKey {
			k, known = key{setKey, reflect.TypeFor[string]()}, true
		}
		switch {
		case path == recipeKey:
			continue
		case !known || name.Kind != yaml.ScalarNode:
			return r.wrong(name.Line, "%s", r.unknown(section, name))
		case r.lines[path] != 0:
			return r.wrong(name.Line, "%s is here and in line %d: leave one of them out", name.Value, r.lines[path])
		case v.Tag == "!!null":
			return r.wrong(name.Line, "%s has no value: give one, or leave the line out", name.Value)
		case k.typ == nil && v.Kind != yaml.MappingNode:
			return r.wrong(v.Line, "%s is %s: it is a section, whose settings are indented below it", name.Value, kindOf(v))
		}
		r.lines[path] = name.Line
		if k.typ == nil {
			if err := r.walk(path, v); err != nil {
				return err
			}
			continue
		}
		if want := misfit(k.typ, v); want != "" && k.path != "model.target_lengths" {
			return r.wrong(v.Line, "%s is %s: it must be %s", name.Value, kindOf(v), want)
		}
		r.values[path], r.order = v, append(r.order, path)
	}
	return nil
}

// misfit says what a setting of a type must be, if a value is not; else "".
func misfit(t reflect.Type, v *yaml.Node) string {
	if t.Kind() == reflect.Slice {
		if v.Kind != yaml.SequenceNode {
			return "a list, such as [1, 2]"
		}
		for _, x := range v.Content {
			if want := misfit(t.Elem(), x); want != "" {
				return "a list, and each of it " + want
			}
		}
		return ""
	}
	scalar := v.Kind == yaml.ScalarNode && v.Tag != "!!null"
	fits, want := scalar, "a text"
	switch t.Kind() {
	case reflect.Bool:
		fits, want = scalar && v.Tag == "!!bool", "true or false"
	case reflect.Float64:
		fits, want = scalar && v.Decode(new(float64)) == nil, "a number"
	case reflect.Uint64:
		fits, want = scalar && v.Decode(new(uint64)) == nil, "a whole number, at least 0"
	case reflect.Int64: // of bytes, which may have a unit
	case reflect.Int:
		fits, want = scalar && v.Tag == "!!int" && v.Decode(new(int)) == nil, "a whole number"
	}
	if fits {
		return ""
	}
	return want
}

// head reads which task it is, and of which version the file.
func (r *reader) head(train *kong.Node) error {
	if v := r.values["format"]; v != nil && v.Value != run.ConfigFormat {
		return r.wrong(v.Line, "format is %q, and this version reads %q: another version of unroll wrote it", v.Value,
			run.ConfigFormat)
	}
	v := r.values["task"]
	var tasks []string
	for _, c := range train.Children {
		tasks = append(tasks, c.Name)
	}
	switch {
	case v == nil:
		return r.wrong(0, "task is missing: one of %s", strings.Join(tasks, ", "))
	case !slices.Contains(tasks, v.Value):
		return r.wrong(v.Line, "task is %q: it must be one of %s", v.Value, strings.Join(tasks, ", "))
	}
	r.Task = v.Value
	r.command = train.Children[slices.Index(tasks, r.Task)]
	return nil
}

// zeroIsNone are settings of which 0 says that nothing is asked for.
var zeroIsNone = []string{
	"training.steps", "training.epochs", "training.minutes", "training.valid_every", "training.valid_epochs",
	"training.checkpoint_every", "training.schedule_steps", "running.threads", "running.recompute", "running.memory",
	"model.softmax_samples",
}

// settings gives the flags of the task their values.
func (r *reader) settings() error {
	byPath := map[string]string{}
	negated := map[string]bool{}
	for _, flag := range r.command.Flags {
		if path, not := placeOf(r.Task, flag.Name); path != "" {
			byPath[path], negated[flag.Name] = flag.Name, not
		}
	}
	for _, path := range r.order {
		v := r.values[path]
		of := strings.Replace(path, "data.valid.", "data.train.", 1) // which have the same flags
		name, ok := byPath[of]
		switch {
		case path == "format" || path == "task" || path == setKey || isSource(path) || slices.Contains(found, path):
		case r.Task == run.TaskTag && of == "data.train.columns":
			r.wordsAndTags(v)
		case !ok && !r.usual(path, v):
			return r.wrong(r.lines[path], "%s is no setting of %s: leave it out", leaf(path), run.TaskName(r.Task))
		case !ok || slices.Contains(zeroIsNone, path) && isZero(v):
		case r.flags[name].line > 0 && r.flags[name].text != textOf(v, negated[name]):
			return r.wrong(r.lines[path], "%s is %s, and %s in line %d: training and validation data are written alike",
				leaf(path), kindOf(v), r.flags[name].text, r.flags[name].line)
		default:
			r.flags[name] = value{textOf(v, negated[name]), r.lines[path]}
		}
	}
	return nil
}

func isZero(v *yaml.Node) bool {
	var x float64
	return v.Decode(&x) == nil && x == 0
}

// zeroes stand before a decimal number, which YAML 1.1 took for an octal one.
var zeroes = regexp.MustCompile(`^[+-]?0\d+$`)

// textOf is a value as the command line has it.
func textOf(v *yaml.Node, negated bool) string {
	switch {
	case v.Kind == yaml.SequenceNode:
		var items []string
		for _, x := range v.Content {
			items = append(items, x.Value)
		}
		return kong.JoinEscaped(items, ',')
	case negated:
		var on bool
		v.Decode(&on) // misfit has seen that it is one
		return strconv.FormatBool(!on)
	case v.Tag == "!!int" && !zeroes.MatchString(v.Value): // of which YAML has more forms
		var x int
		if v.Decode(&x) == nil {
			return strconv.Itoa(x)
		}
	}
	return v.Value
}

// usual says whether a setting that a task does not have is what all its runs say.
func (r *reader) usual(path string, v *yaml.Node) bool {
	c := run.Defaults(r.Task)
	var tree yaml.Node
	if err := tree.Encode(c); err != nil {
		return false
	}
	usual := at(&tree, path)
	return usual != nil && usual.Value == v.Value || usual == nil && isZero(v)
}

// at is the node at a path; nil: there is none.
func at(n *yaml.Node, path string) *yaml.Node {
	name, rest, deeper := strings.Cut(path, ".")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != name {
			continue
		}
		if deeper {
			return at(n.Content[i+1], rest)
		}
		return n.Content[i+1]
	}
	return nil
}

// wordsAndTags are the columns of words and tags, of which the words of CoNLL-U have a name and no number.
func (r *reader) wordsAndTags(v *yaml.Node) {
	if len(v.Content) != 2 {
		return // which the loader says
	}
	if _, err := strconv.Atoi(v.Content[0].Value); err == nil {
		r.flags["word-column"] = value{v.Content[0].Value, v.Line}
	}
	r.flags["column"] = value{v.Content[1].Value, v.Line}
}
