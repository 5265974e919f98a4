package doors

import (
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

var (
	tagger = models.TaggerConfig{
		Words: 5, Embed: 3, Chars: 5, CharEmbed: 2, CharHidden: 2, Cell: gru, Hidden: 4, Layers: 1, Tags: 4,
	}
	taggedWords = []datasets.Sentence{{Words: []string{"a", "b"}, Tags: []string{"X", "Y"}},
		{Words: []string{"c"}, Tags: []string{"X"}}}
)

// crf is a CRF of four tags, which the numbers of a bench are the scores of.
func (x *bench) crf(t *testing.T) *models.CRF {
	return made(t, x.p, func(p *models.Params, tags int) (*models.CRF, error) { return models.NewCRF(p, "crf", tags) }, 4)
}

func (x *bench) tagger(t *testing.T) *models.Tagger { return made(t, x.p, models.NewTagger, tagger) }

func (x *bench) taggerInput() models.TaggerInput {
	return models.TaggerInput{Words: x.tokens, Which: x.tokens, Chars: x.tokens, CharMask: x.mask, Mask: x.mask}
}

// someSentences are two sentences of at most three words, of which two are different.
func someSentences() trainer.Sentences {
	return trainer.Sentences{
		SentenceShape: trainer.SentenceShape{Steps: 3, Batch: 2, Different: 2, Letters: 3},
		Words:         inputs, Which: []int32{0, 1, 1, 0, 0, 0}, Chars: []int32{1, 2, 3, 4, 0, 1}, CharMask: ones, Mask: ones,
		Tags: []int32{0, 1, 2, 3, 3, 0}, Weights: ones[:2],
	}
}

func taggerConfig() trainer.TaggerConfig {
	return trainer.TaggerConfig{Model: tagger, Training: training, Device: ref.New()}
}

func newTagger(t *testing.T) *trainer.Tagger { return opened(t, trainer.NewTagger, taggerConfig()) }

func newTagStream(t *testing.T) *trainer.TagStream {
	return opened(t, newTagger(t).Stream, 3)
}

// sentence reads the first of a file.
func sentence(t *testing.T) *datasets.Sentence {
	t.Helper()
	r, err := datasets.NewSentences("x", datasets.Plain, datasets.Format{}, strings.NewReader("a\nb\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// taggerDoors are the rows of taggers, by package.
var taggerDoors = map[string]map[string]func(t *testing.T) call{
	"datasets": {
		"NewTagged": func(*testing.T) call { return call{datasets.NewTagged, []any{"x", taggedWords}} },
		"ReadTagged": func(t *testing.T) call {
			return call{datasets.ReadTagged, []any{file(t, "x.txt", "a X\nb Y\n"), datasets.Columns, datasets.Format{}}}
		},
		"NewSentences": func(*testing.T) call {
			return call{func(name, form string, f datasets.Format, text string) error {
				r, err := datasets.NewSentences(name, form, f, strings.NewReader(text))
				if err == nil {
					_, err = r.Read()
				}
				return err
			}, []any{"x", datasets.Plain, datasets.Format{}, "a\nb\n"}}
		},
		"Sentences.Read": func(t *testing.T) call {
			r, err := datasets.NewSentences("x", datasets.Plain, datasets.Format{}, strings.NewReader("a\nb\n"))
			if err != nil {
				t.Fatal(err)
			}
			return call{r.Read, nil}
		},
		"Sentence.Fill": func(t *testing.T) call { return call{sentence(t).Fill, []any{[]string{"X", "Y"}}} },
		"Tagged.Labels": func(t *testing.T) call {
			x, err := datasets.NewTagged("x", taggedWords)
			if err != nil {
				t.Fatal(err)
			}
			return call{x.Labels, nil}
		},
	},
	"datasets/tasks": {
		"Tagged": func(*testing.T) call {
			return call{tasks.Tagged, []any{"places", tasks.Config{Seed: 1, Train: 5, Valid: 2}}}
		},
	},
	"models": {
		"NewCRF":   func(*testing.T) call { return call{models.NewCRF, []any{newBench().p, "crf", 4}} },
		"CRF.LogZ": func(t *testing.T) call { x := newBench(); return call{x.crf(t).LogZ, []any{x.b, x.xs, x.mask}} },
		"CRF.NLL": func(t *testing.T) call {
			x := newBench()
			return call{x.crf(t).NLL, []any{x.b, x.xs, x.tokens, x.mask}}
		},
		"NewTagger": func(*testing.T) call { return call{models.NewTagger, []any{newBench().p, tagger}} },
		"CRF.Viterbi": func(t *testing.T) call {
			x := newBench()
			return call{x.crf(t).Viterbi, []any{x.b, x.xs, x.mask}}
		},
		"Tagger.States": func(t *testing.T) call { x := newBench(); return call{x.tagger(t).States, []any{x.b, 2}} },
		"Tagger.Scores": func(t *testing.T) call {
			x := newBench()
			return call{x.tagger(t).Scores, []any{x.b, x.taggerInput()}}
		},
		"Tagger.NLL": func(t *testing.T) call {
			x := newBench()
			return call{x.tagger(t).NLL, []any{x.b, x.xs, x.tokens, x.mask}}
		},
		"Tagger.Best": func(t *testing.T) call { x := newBench(); return call{x.tagger(t).Best, []any{x.b, x.xs, x.mask}} },
		"TaggerConfig.Weights": func(*testing.T) call {
			return call{models.TaggerConfig.Weights, []any{tagger}}
		},
		"TaggerConfig.Declare": func(*testing.T) call {
			return call{models.TaggerConfig.Declare, []any{tagger, newBench().p}}
		},
	},
	"trainer": {
		"NewTagger": func(*testing.T) call {
			return call{func(c trainer.TaggerConfig) error {
				m, err := trainer.NewTagger(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Tag(someSentences())
				return err
			}, []any{taggerConfig()}}
		},
		"Tagger.Train": func(t *testing.T) call {
			return call{newTagger(t).Train, []any{0, 0.1, []trainer.Sentences{someSentences()}}}
		},
		"Tagger.Tag":      func(t *testing.T) call { return call{newTagger(t).Tag, []any{someSentences()}} },
		"Tagger.Stream":   func(t *testing.T) call { return call{newTagger(t).Stream, []any{3}} },
		"TagStream.Reset": func(t *testing.T) call { return call{newTagStream(t).Reset, nil} },
		"TagStream.Next":  func(t *testing.T) call { return call{newTagStream(t).Next, []any{int32(1), []int32{1, 2}}} },
	},
}

func init() {
	for dir, calls := range taggerDoors {
		doors = append(doors, door{dir, calls})
	}
}
