package run

import (
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Vectors say which pretrained vectors an embedding begins with: see datasets.ReadVectors. A run needs the file
// until it has begun: its checkpoints have the embedding. Model.Embed is the size of the vectors, or 0, which
// becomes it.
type Vectors struct {
	Path   string `yaml:"path"` // absolute
	SHA256 string `yaml:"sha256"`
	Frozen bool   `yaml:"frozen,omitempty"` // they stay as they are

	// What was found: noted when the data are read.
	Found     int     `yaml:"found"`                // tokens of the vocabulary that have a vector
	LowerCase int     `yaml:"lower_case,omitempty"` // of them by their name in lower case
	Covered   float64 `yaml:"covered"`              // part of the tokens that the model learns from whose vector was found
}

// meant is v without what follows from files: nil if v is.
func (v *Vectors) meant() *Vectors {
	if v == nil {
		return nil
	}
	return &Vectors{Frozen: v.Frozen}
}

// withoutPath is v for a file that may lie elsewhere.
func (v *Vectors) withoutPath() *Vectors {
	if v == nil {
		return nil
	}
	other := *v
	other.Path = ""
	return &other
}

// pretrained are vectors that an embedding begins with.
type pretrained struct {
	*Vectors
	setting string // that names them
	weight  string // the embedding
}

// embedded is a taskKind whose models have embeddings of tokens.
type embedded interface {
	// embeddings are the names of the weights that vectors may become: of what a model reads and, if it has
	// one, of what it writes.
	embeddings() []string
}

// embeddings are those of a task; "" for each that it does not have.
func (c *Config) embeddings() (source, target string) {
	if k, ok := kindOf(c.Task).(embedded); ok {
		names := append(k.embeddings(), "", "")
		return names[0], names[1]
	}
	return "", ""
}

// sourceVectors are those of what a model reads; they may be nil.
func (c *Config) sourceVectors() pretrained {
	weight, _ := c.embeddings()
	return pretrained{c.Vectors, "vectors", weight}
}

// targetVectors are those of what a model writes; they may be nil.
func (c *Config) targetVectors() pretrained {
	_, weight := c.embeddings()
	return pretrained{c.TargetVectors, "target_vectors", weight}
}

// pretrained are all vectors that the configuration names.
func (c *Config) pretrained() []pretrained {
	return slices.DeleteFunc([]pretrained{c.sourceVectors(), c.targetVectors()},
		func(p pretrained) bool { return p.Vectors == nil })
}

// frozen are the names of the weights that stay as they are.
func (c *Config) frozen() (names []string) {
	for _, p := range c.pretrained() {
		if p.Frozen {
			names = append(names, p.weight)
		}
	}
	return names
}

// checkVectors says what is wrong with the vectors that are named, but for the files.
func (c *Config) checkVectors() error {
	images := c.Model.Input > 0 || c.Data.Train != nil && c.Data.Train.Kind == KindIDX
	for _, p := range c.pretrained() {
		switch {
		case p.weight == "":
			return settings("`%s` are for an embedding that %s does not have: leave them out", p.setting, TaskName(c.Task))
		case images:
			return settings("`%s` are of words, and the model reads numbers: leave them out", p.setting)
		case p.Path == "":
			return settings("`%s` name no file", p.setting)
		case c.with.from != nil:
			return settings("`%s` are for a model that begins fresh, and with `from` it begins with the embedding of %s: "+
				"leave one of them out",
				p.setting, c.with.from.run.dir)
		}
	}
	return nil
}

// sizeVectors gives the embedding the size of the vectors. It writes into the configuration alone.
func (c *Config) sizeVectors() error {
	var from string // what says the size
	for _, v := range []**Vectors{&c.Vectors, &c.TargetVectors} {
		if *v != nil {
			own := **v
			*v = &own // not that of the caller
		}
	}
	for _, p := range c.pretrained() {
		size, err := datasets.VectorSize(p.Path)
		switch m := &c.Model; {
		case err != nil:
			return NewInputError("`"+p.setting+"`", err)
		case m.Embed == 0:
			m.Embed, from = size, p.Path
		case m.Embed != size && from != "":
			return settings("the vectors of %s have %d numbers and those of %s %d: `vectors` and `target_vectors` "+
				"must have as many", from, m.Embed, p.Path, size)
		case m.Embed != size:
			return settings("`embed` is %d, and the vectors of %s have %d numbers: leave `embed` out", m.Embed, p.Path, size)
		}
		if p.Path, err = filepath.Abs(p.Path); err != nil {
			return errors.WithStack(err)
		}
	}
	return c.Check()
}

// loaded are vectors that were read for an embedding.
type loaded struct {
	weight  string
	vectors *datasets.Vectors
}

// readVectors reads the vectors of a vocabulary that an embedding begins with, if there are any, and says how
// much of the texts that the model learns from they cover.
func (c *Config) readVectors(p pretrained, v *datasets.Vocab, learn iter.Seq[string]) ([]string, error) {
	if p.Vectors == nil {
		return nil, nil
	}
	x, err := datasets.ReadVectors(p.Path, v)
	if err != nil {
		return nil, NewInputError("`"+p.setting+"`", err)
	}
	if x.Size != c.Model.Embed {
		return nil, badData("%s has changed while it was read: repeat the command", p.Path)
	}
	tokens, covered := x.Coverage(v, learn)
	p.SHA256, p.Found, p.LowerCase = x.SHA256, x.Found, x.Lower
	p.Covered = math.Round(1e4*float64(covered)/float64(max(tokens, 1))) / 1e4
	c.with.vectors = append(c.with.vectors, loaded{p.weight, x})
	all := v.Len() - int(v.Reserved())
	note := fmt.Sprintf("vectors of %s, %d numbers each: %s of %s tokens of the vocabulary have one (%s)", p.Path, x.Size,
		words.Thousands(x.Found), words.Thousands(all), words.Percent(x.Found, all))
	if x.Lower > 0 {
		note += fmt.Sprintf(", %s of them that of the word in lower case", words.Thousands(x.Lower))
	}
	note += fmt.Sprintf(", and so do %.1f%% of the tokens to learn from; ", 100*p.Covered)
	if rest := all - x.Found; rest > 0 {
		note += fmt.Sprintf("the other %s are drawn as large (%.3g); ", words.Thousands(rest), x.Scale())
	}
	return append([]string{note + map[bool]string{true: "frozen", false: "all are trained"}[p.Frozen]}, x.Notes...), nil
}

// withVectors are the fresh weights of a model, with the vectors that were read.
func (c *Config) withVectors(t Task) ([]checkpoint.Tensor, error) {
	fresh, err := t.Params()
	if err != nil {
		return nil, err
	}
	weights := slices.Clone(fresh)
	for _, x := range c.with.vectors {
		i := slices.IndexFunc(weights, func(w checkpoint.Tensor) bool { return w.Name == x.weight })
		if i < 0 {
			return nil, settings("the model has no embedding %s, which the vectors of %s could be", x.weight, x.vectors.Name)
		}
		drawn, ok := weights[i].Data.([]float32)
		if !ok {
			return nil, errors.Errorf("the weights %s are %T", x.weight, weights[i].Data)
		}
		all := slices.Clone(drawn)
		if err := x.vectors.Into(all); err != nil {
			return nil, err
		}
		weights[i].Data = all
	}
	return weights, nil
}
