// Package recipes has the trainings of docs/results.md as configurations: what `unroll train --recipe NAME` runs.
//
// Each is a file of its own. Its section `recipe` says what the training has reached, and in which time.
package recipes

import (
	"embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed *.yaml
var files embed.FS

// Recipe is a training with a name.
type Recipe struct {
	Name string `yaml:"-"`
	Text []byte `yaml:"-"` // the configuration, with its comments

	Task  string `yaml:"task"`
	About struct {
		Data    string `yaml:"data"`    // what it learns from, in words
		Reaches string `yaml:"reaches"` // what docs/results.md says that it reaches
		Time    string `yaml:"time"`    // that it took, and on what
	} `yaml:"recipe"`
}

// All are the recipes, by their names.
func All() []*Recipe {
	entries, err := files.ReadDir(".")
	if err != nil { // it is in the program
		panic(err)
	}
	var all []*Recipe
	for _, e := range entries {
		r, err := read(e.Name())
		if err != nil { // a test reads all of them
			panic(err)
		}
		all = append(all, r)
	}
	return all
}

func read(file string) (*Recipe, error) {
	r := &Recipe{Name: strings.TrimSuffix(file, ".yaml")}
	var err error
	if r.Text, err = files.ReadFile(file); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(r.Text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Find is the recipe of a name.
func Find(name string) (*Recipe, bool) {
	for _, r := range All() {
		if r.Name == name {
			return r, true
		}
	}
	return nil, false
}

// Names are those of all recipes.
func Names() (names []string) {
	for _, r := range All() {
		names = append(names, r.Name)
	}
	return names
}
