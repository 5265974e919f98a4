package configfile

import (
	"reflect"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// key is a key of a configuration: a setting, or a section of settings.
type key struct {
	path string       // from the top, such as model.hidden
	typ  reflect.Type // of a setting; nil: a section
}

// keys are those of run.Config, in the order in which a file has them.
var keys = keysOf("", reflect.TypeFor[run.Config]())

// Keys that a file may have and a run does not write: a data set by name, and what is told of a recipe.
const (
	setKey    = "data.set"
	recipeKey = "recipe"
)

func keysOf(section string, t reflect.Type) (all []key) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, how, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch isSection := inner.Kind() == reflect.Struct && inner != reflect.TypeFor[decode.Lengths](); {
		case strings.Contains(how, "inline"):
			all = append(all, keysOf(section, inner)...)
		case name == "": // not in the file
		case isSection:
			all = append(all, key{path: section + name})
			all = append(all, keysOf(section+name+".", inner)...)
		default:
			all = append(all, key{section + name, inner})
		}
	}
	return all
}

// keyAt is the key with a path.
func keyAt(path string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.path == path })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// inside are the keys of a section, those of sections in it left out; "" is the top.
func inside(section string) (in []key) {
	for _, k := range keys {
		if name, ok := strings.CutPrefix(k.path, section); ok && !strings.Contains(strings.TrimPrefix(name, "."), ".") &&
			(section == "" || strings.HasPrefix(name, ".")) {
			in = append(in, k)
		}
	}
	return in
}

// leaf is the last part of a path.
func leaf(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// found are the settings that a run finds out or notes: a file may have them, and they say nothing to a new run.
var found = []string{
	"from.step", "from.weights", "averaged.run", "averaged.steps", "data.text_sha256", "data.valid_text_sha256", "data.reading",
	"data.train.sha256", "data.valid.sha256", "data.train.text_column", "data.valid.text_column",
	"data.train.options.regression", "data.valid.options.regression",
	"vectors.sha256", "vectors.found", "vectors.lower_case", "vectors.covered",
	"target_vectors.sha256", "target_vectors.found", "target_vectors.lower_case", "target_vectors.covered",
	"model.vocab", "model.vocab_sha256", "model.input", "model.classes", "model.labels_sha256", "model.target_vocab",
	"model.target_vocab_sha256", "model.target_lengths", "model.tag.chars", "model.tag.chars_sha256", "model.tag.forms",
	"model.tag.forms_sha256", "model.series.inputs.channels", "model.series.inputs.means",
	"model.series.inputs.deviations", "model.number.mean", "model.number.deviation", "model.forecast.targets",
	"model.forecast.known", "model.forecast.static", "model.forecast.columns_sha256", "model.forecast.naive2_smape",
	"model.forecast.naive2_mase",
}

// places are the keys of flags that have another name, or that would be found in the wrong section. Of those that begin
// with an exclamation mark the flag says the opposite.
var places = map[string]string{
	"valid-translate": "training.valid_pairs", "from": "from.run", "forwards": "!model.bidirectional",
	"keep-case": "!model.tag.lower", "vectors": "vectors.path", "freeze-vectors": "vectors.frozen",
	"target-vectors": "target_vectors.path", "freeze-target-vectors": "target_vectors.frozen",
}

// sections are where the settings of a task are, beside those of all tasks.
var sections = map[string][]string{
	run.TaskSeq2Seq:  {"data.train"},
	run.TaskClassify: {"data.train", "data.train.options", "model.series", "model.series.inputs"},
	run.TaskTag:      {"data.train", "model.tag"},
	run.TaskRegress:  {"data.train.options", "model.series", "model.series.inputs", "model.number"},
	run.TaskForecast: {"data.train.options", "model.forecast"},
}

// placeOf is the key of a flag of the command that trains a task; "" if it has none. negated: the flag says the
// opposite of the key.
func placeOf(task, flag string) (path string, negated bool) {
	if path, ok := places[flag]; ok {
		path, negated := strings.CutPrefix(path, "!")
		return path, negated
	}
	if namesData(task, flag) && task != run.TaskLM {
		return "", false
	}
	name := strings.ReplaceAll(flag, "-", "_")
	for _, section := range append([]string{"training", "running", "model", "data"}, sections[task]...) {
		path := section + "." + name
		if k, ok := keyAt(path); ok && k.typ != nil && !slices.Contains(found, path) {
			return path, false
		}
	}
	return "", false
}

// dataFlags are the flags that name what a task learns from.
func dataFlags(task string) []string {
	flags := append([]string{"data"}, run.DataKinds[task]...)
	if slices.Contains(flags, run.KindParallel) {
		flags = append(flags, "src", "tgt")
	}
	return flags
}

// namesData says whether a flag names what is learned from or measured on.
func namesData(task, flag string) bool {
	return slices.Contains(dataFlags(task), strings.TrimPrefix(flag, "valid-"))
}
