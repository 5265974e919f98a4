// Package foreign gives weights that other frameworks have trained the names and layouts of package models.
//
// Those of PyTorch have them already, but for what a program calls its modules: weight_ih_l0, the gates i f g o and
// r z n, two biases. Keras has its kernels transposed, z before r, one bias or two: see keras.go.
//
// It must not know where weights come from and what becomes of them.
package foreign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Model is the model that the weights are for.
type Model struct {
	Cell   string         // its kind, such as "gru"
	Wanted []graph.Tensor // the names and shapes of its weights
	Tied   bool           // the output's weights are those of the embedding
}

// Framework is where weights come from.
type Framework struct {
	Name  string
	names func(tensors []graph.Tensor, m Model) []rule                             // what its modules are usually called
	ours  func(tensors []named, m Model, file string) (converted []named, _ error) // in the layouts of package models
}

// The frameworks.
var (
	PyTorch = Framework{Name: "PyTorch", names: torchNames, ours: func(t []named, _ Model, _ string) ([]named, error) {
		return t, nil
	}}
	Keras = Framework{Name: "Keras", names: kerasNames, ours: fromKeras}
)

// named is a tensor with the name that it has in the file.
type named struct {
	graph.Tensor
	theirs string
}

// Weights are the weights of a model from all tensors of a file. rules say what the file's names become, each as
// THEIRS=OURS, in which {n} stands for a number and {rest}, or any other word, for any text; with nothing behind = the
// tensor is left out. The first rule that fits counts; where none does, ready ones for usual names.
//
// An error says in one line which tensor is missing, left over, of another shape or type, or not finite.
func (f Framework) Weights(file string, tensors []graph.Tensor, rules []string, m Model) ([]graph.Tensor, error) {
	parsed, err := parseRules(rules)
	if err != nil {
		return nil, err
	}
	ready := f.names(tensors, m)
	var renamed []named
	for _, t := range tensors {
		name, ok := rename(parsed, t.Name)
		if !ok && !m.wants(t.Name) {
			name, ok = rename(ready, t.Name)
		}
		if ok && name == "" {
			continue
		}
		if _, ok := t.Data.([]float32); !ok {
			return nil, errors.Errorf("%s: %q is of %s, and weights are float32: convert it, or leave it out with the map %s=",
				file, t.Name, elements(t.Data), t.Name)
		}
		x := named{t, t.Name}
		if ok {
			x.Name = name
		}
		renamed = append(renamed, x)
	}
	if renamed, err = f.ours(renamed, m, file); err != nil {
		return nil, err
	}
	return m.match(file, renamed)
}

// elements is the type of the elements of a tensor.
func elements(data any) string { return strings.TrimPrefix(fmt.Sprintf("%T", data), "[]") }

// wants says whether the model has a weight of a name.
func (m Model) wants(name string) bool {
	return slices.ContainsFunc(m.Wanted, func(w graph.Tensor) bool { return w.Name == name })
}

// match gives each weight of the model its tensor, and says what is wrong with the file unless that uses all.
func (m Model) match(file string, have []named) ([]graph.Tensor, error) {
	byName := map[string]named{}
	for _, t := range have {
		if twice, ok := byName[t.Name]; ok {
			return nil, errors.Errorf("%s: %q and %q both become %s: say which with a map", file, twice.theirs, t.theirs,
				t.Name)
		}
		byName[t.Name] = t
	}
	var weights []graph.Tensor
	for _, w := range m.Wanted {
		t, ok := byName[w.Name]
		if !ok {
			return nil, errors.Errorf("%s: no tensor becomes %s, of shape %v, which the model has: the file has %s; "+
				"map one to it, with THEIRS=%s", file, w.Name, w.Shape, listed(have), w.Name)
		}
		if !slices.Equal(t.Shape, w.Shape) {
			return nil, errors.Errorf("%s: %q becomes %s of shape %v, and the model has it of shape %v: change the "+
				"configuration, or the map", file, t.theirs, w.Name, t.Shape, w.Shape)
		}
		delete(byName, w.Name)
		weights = append(weights, t.Tensor)
	}
	if m.Tied {
		m.dropTied(byName, weights)
	}
	for _, t := range have {
		if _, ok := byName[t.Name]; ok {
			return nil, errors.Errorf("%s: %q is left over: the model has no weight %s; map it to one, or leave it out "+
				"with the map %s=", file, t.theirs, t.Name, t.theirs)
		}
	}
	if name, at, bad := checkpoint.FirstNotFinite(weights); bad {
		i := slices.IndexFunc(have, func(t named) bool { return t.Name == name })
		return nil, errors.Errorf("%s: number %d of %q is not finite: the model cannot be used", file, at, have[i].theirs)
	}
	return weights, nil
}

// dropTied removes the weights of an output that are those of the embedding, which PyTorch keeps twice.
func (m Model) dropTied(left map[string]named, weights []graph.Tensor) {
	out, ok := left["output.weight"]
	i := slices.IndexFunc(weights, func(w graph.Tensor) bool { return w.Name == "embedding.weight" })
	if ok && i >= 0 && slices.Equal(out.Data.([]float32), weights[i].Data.([]float32)) {
		delete(left, "output.weight")
	}
}

// listed are the names that a file has, as far as they are read at a glance.
func listed(have []named) string {
	var names []string
	for _, t := range have {
		name := t.theirs
		if t.Name != t.theirs {
			name += " (" + t.Name + ")"
		}
		names = append(names, name)
	}
	const most = 12
	if more := len(names) - most; more > 0 {
		names = append(names[:most], "and "+words.Count(more, "other", "others"))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(names), ", ")
}
