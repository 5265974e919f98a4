package run

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// TaskTag is the task of a tagger.
const TaskTag = "tag"

// The kinds of data of a tagger.
const (
	KindConllu  = datasets.Conllu  // CoNLL-U
	KindColumns = datasets.Columns // as CoNLL-2003 has them
)

// TagModel is what a tagger has beside what all models have: Vocab are its words, Hidden, Layers and Bidirectional are
// those over sentences, and Classes are its tags.
type TagModel struct {
	CRF         bool    `yaml:"crf,omitempty"`
	Lower       bool    `yaml:"lower,omitempty"`        // words are looked up in lower case; their characters are read as they are
	Chars       int     `yaml:"chars,omitempty"`        // different characters
	CharsSHA256 string  `yaml:"chars_sha256,omitempty"` // of chars.json
	CharEmbed   int     `yaml:"char_embed,omitempty"`
	CharHidden  int     `yaml:"char_hidden,omitempty"` // in each direction; 0: words are not read
	Letters     int     `yaml:"letters,omitempty"`     // characters that are read of a word: of longer ones both ends
	Forget      float64 `yaml:"word_dropout"`          // a: in training a word that occurs n times is unknown with the probability a/(a+n)
	Forms       int     `yaml:"forms,omitempty"`       // words of the training data as they are written, if Vocab has them otherwise
	FormsSHA256 string  `yaml:"forms_sha256,omitempty"`
}

// tagger is what a tagger has, or nothing: a configuration may lack it, which is said elsewhere.
func (m *Model) tagger() *TagModel {
	if m.Tag == nil {
		return &TagModel{}
	}
	return m.Tag
}

// withoutData is m, which may be nil, without what follows from the data.
func (m *TagModel) withoutData() *TagModel {
	if m == nil {
		return nil
	}
	x := *m
	x.Chars, x.CharsSHA256, x.Forms, x.FormsSHA256 = 0, "", 0, ""
	return &x
}

type tagKind struct{}

func (tagKind) name() string        { return TaskTag }
func (tagKind) words() string       { return "a tagger" }
func (tagKind) data() []string      { return []string{KindConllu, KindColumns, KindTask} }
func (tagKind) loss(*Config) string { return "loss, nats per word" }
func (tagKind) scores() []string {
	return []string{"accuracy", "known_accuracy", "unknown_accuracy", "macro_f1", "span_f1"}
}

func (tagKind) defaults(c *Config) {
	c.Model = Model{
		Cell: "lstm", Hidden: 128, Layers: 1, Embed: 100, Tokens: string(datasets.Word), MinFreq: 1, Bidirectional: true,
		Dropout: 0.4,
		Tag:     &TagModel{Lower: true, CharEmbed: 32, CharHidden: 48, Letters: 32, Forget: 0.25},
	}
	c.Training.Batch, c.Training.Longest, c.Training.Buckets = 16, 200, 8
}

func (tagKind) check(c *Config) error {
	m := c.Model.Tag
	switch {
	case c.Model.tokenKind() != datasets.Word:
		return settings("`tokens` is %s: the tokens of a tagger are words", c.Model.tokenKind())
	case m.CharHidden > 0 && m.Letters < 1:
		return settings("`letters` is %d: it must be at least 1", m.Letters)
	case m.CharHidden < 0:
		return settings("`char_hidden` is %d: it must be at least 0", m.CharHidden)
	case m.Chars < 0 || m.Forms < 0:
		return settings("`chars` is %d and `forms` %d: they must be at least 0", m.Chars, m.Forms)
	case !(m.Forget >= 0) || math.IsInf(m.Forget, 0):
		return settings("`word_dropout` is %g: it must be at least 0", m.Forget)
	}
	return nil
}

func (tagKind) lacks(c *Config) string {
	none := ""
	switch m := c.Model.Tag; {
	case m == nil:
		none = "no `tag`"
	case m.CharHidden > 0 && m.Chars < 1:
		none = fmt.Sprintf("%d characters", m.Chars)
	case c.Model.Classes < 2:
		none = fmt.Sprintf("%d tags", c.Model.Classes)
	}
	return cmp.Or(none, c.Model.lacksVocab(), c.Data.lacksTrain())
}

func (tagKind) model(c *Config) (architecture, error) { return c.taggerModel(), nil }

func (tagKind) embeddings() []string { return []string{models.TaggerWords} }

func (tagKind) numbers(c *Config, _ int) float64 {
	m, t := &c.Model, c.Model.tagger()
	directions, tags := 1.0, float64(m.Classes)
	if m.Bidirectional {
		directions = 2
	}
	n := directions*m.states() + m.width() + tags
	if t.CRF {
		n += tags * tags
	}
	return n + float64(t.Letters)*(2*gates*float64(t.CharHidden)+float64(t.CharEmbed))
}

func (tagKind) shared() bool { return true }

func (tagKind) load(c *Config) (Task, error) { return readTagger(c) }

func (tagKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateTagger(ctx, e)
}

func (c *Config) taggerModel() models.TaggerConfig {
	m, t := &c.Model, c.Model.tagger()
	x := models.TaggerConfig{
		Words: m.Vocab, Embed: m.Embed, CharEmbed: t.CharEmbed, CharHidden: t.CharHidden, Cell: c.cell(),
		Hidden: m.Hidden, Layers: m.Layers,
		Bidirectional: m.Bidirectional, Dropout: m.Dropout, Tags: m.Classes, CRF: t.CRF,
	}
	if t.CharHidden != 0 {
		x.Chars = max(t.Chars, fewTokens) // before the data are read it is not known
	}
	return x
}

// newTagger makes the tagger that the configuration asks for, with fresh weights.
func (c *Config) newTagger() (*trainer.Tagger, error) {
	return trainer.NewTagger(trainer.TaggerConfig{Model: c.taggerModel(), Training: c.trainer(), Device: c.with.device})
}
