package configfile

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/trainer/run"
)

// isSource says whether a key is one of those that name files.
func isSource(path string) bool {
	section, name, _ := strings.Cut(strings.TrimPrefix(path, "data."), ".")
	return (section == "train" || section == "valid") && (name == "kind" || name == "paths")
}

// data gives the flags that name data their values.
func (r *reader) data(dir func() (string, error)) error {
	inSet := func(path string) string { return path }
	if v := r.values[setKey]; v != nil {
		set, err := FindSet(v.Value)
		if err != nil {
			return r.wrong(v.Line, "set: %v", err)
		}
		folder, err := dir()
		if err != nil {
			return err
		}
		r.Set = set
		inSet = func(path string) string {
			if filepath.IsAbs(path) {
				return path
			}
			return set.Path(folder, path)
		}
		if r.values["data.train.kind"] == nil {
			return r.wholeSet(v, set.Arguments(folder))
		}
	}
	for _, part := range []string{"train", "valid"} {
		if err := r.source("data."+part, inSet); err != nil {
			return err
		}
	}
	return nil
}

// wholeSet takes the flags that a data set has.
func (r *reader) wholeSet(v *yaml.Node, words []string) error {
	for i := 0; i+1 < len(words); i += 2 {
		name := strings.TrimPrefix(words[i], "--")
		if !namesData(r.Task, name) {
			return r.wrong(v.Line, "set: %s is not for %s", v.Value, run.TaskName(r.Task))
		}
		r.flags[name] = value{words[i+1], v.Line}
	}
	return nil
}

// source gives flags the files of the data to train on, or to validate on.
func (r *reader) source(section string, inSet func(string) string) error {
	kind, paths := r.values[section+".kind"], r.values[section+".paths"]
	if r.lines[section] == 0 || kind == nil && paths == nil {
		return nil
	}
	name, line := leaf(section), r.lines[section]
	switch {
	case kind != nil && kind.Value == run.KindImported: // where the weights came from: these are no data
		return nil
	case kind == nil:
		return r.wrong(line, "%s has paths and no kind: one of %s", name, strings.Join(run.DataKinds[r.Task], ", "))
	case !slices.Contains(run.DataKinds[r.Task], kind.Value):
		return r.wrong(kind.Line, "kind is %q: for %s it must be one of %s", kind.Value, run.TaskName(r.Task),
			strings.Join(run.DataKinds[r.Task], ", "))
	case paths == nil:
		return r.wrong(line, "%s has a kind and no paths", name)
	}
	flags := []string{kind.Value}
	if kind.Value == run.KindParallel {
		flags = []string{"src", "tgt"}
	}
	if len(paths.Content) != len(flags) {
		return r.wrong(paths.Line, "paths has %d: data of the kind %s have %d", len(paths.Content), kind.Value, len(flags))
	}
	prefix := ""
	if name == "valid" {
		prefix = "valid-"
	}
	for i, flag := range flags {
		path := paths.Content[i]
		text := path.Value
		if kind.Value != run.KindTask {
			text = inSet(text)
		}
		r.flags[prefix+flag] = value{text, path.Line}
	}
	return nil
}

// FindSet is the data set of a name, or an error that says which there are.
func FindSet(name string) (*catalog.Set, error) {
	if s, ok := catalog.Find(name); ok {
		return s, nil
	}
	return nil, unknownName("data set", name, catalog.Names())
}
