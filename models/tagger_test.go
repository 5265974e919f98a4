package models_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/models"
)

func smallTagger(crf bool) models.TaggerConfig {
	return models.TaggerConfig{
		Words: 6, Embed: 3, Chars: 5, CharEmbed: 2, CharHidden: 2, Cell: models.CellConfig{Kind: "gru"}, Hidden: 3,
		Layers: 2, Bidirectional: true,
		Tags: 3, CRF: crf,
	}
}

// taggerBatch is a batch of two sentences of 3 and 1 words, of which one occurs twice.
func taggerBatch(f *fixture, c models.TaggerConfig) models.TaggerInput {
	in := models.TaggerInput{Words: f.input("words", []int32{4, 1, 5, 0, 4, 0}, 3, 2),
		Mask: f.mask("mask", 3, []int{3, 1})}
	if c.Chars > 0 {
		in.Which = f.input("which", []int32{0, 2, 1, 0, 0, 0}, 3, 2)
		// a word a column, the last one empty
		in.Chars = f.input("chars", []int32{1, 2, 3, 0, 3, 4, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}, 4, 4)
		in.CharMask = f.mask("char mask", 4, []int{3, 2, 1, 0})
	}
	return in
}

// taggerScores are the scores of one sentence by plain loops.
func taggerScores(c models.TaggerConfig, w map[string][]float64, words []int, chars [][]int) [][]float64 {
	zeros := func(n, size int) (states [][]float64) {
		for range n {
			states = append(states, make([]float64, size))
		}
		return states
	}
	var xs [][]float64
	for i, word := range words {
		x := slices.Clone(w["embedding.weight"][word*c.Embed:][:c.Embed])
		if c.Chars > 0 {
			var cs [][]float64
			for _, ch := range chars[i] {
				cs = append(cs, w["chars.embedding.weight"][ch*c.CharEmbed:][:c.CharEmbed])
			}
			reader := models.RecurrentConfig{Cell: c.Cell, Layers: 1, Bidirectional: true}
			_, last := layersOf(reader, w, "chars.rnn", cs, zeros(2, c.CharHidden))
			x = append(append(x, last[0]...), last[1]...)
		}
		xs = append(xs, x)
	}
	layers := models.RecurrentConfig{Cell: c.Cell, Layers: c.Layers, Bidirectional: c.Bidirectional}
	directions := 1
	if c.Bidirectional {
		directions = 2
	}
	hs, _ := layersOf(layers, w, "rnn", xs, zeros(directions*c.Layers, c.Hidden))
	for i, h := range hs {
		hs[i] = affine(w["output.weight"], w["output.bias"], h)
	}
	return hs
}

// The scores of each word are those of plain loops over the equations, whatever else is in the batch.
func TestTaggerByHand(t *testing.T) {
	for name, change := range map[string]func(*models.TaggerConfig){
		"with characters": func(*models.TaggerConfig) {}, "with a CRF": func(c *models.TaggerConfig) { c.CRF = true },
		"words alone":   func(c *models.TaggerConfig) { c.Chars, c.CharEmbed, c.CharHidden = 0, 0, 0 },
		"one direction": func(c *models.TaggerConfig) { c.Bidirectional = false },
	} {
		c := smallTagger(false)
		change(&c)
		f := newFixture(t)
		m, err := models.NewTagger(f.p, c)
		if err != nil {
			t.Fatal(err)
		}
		f.spread()
		in := taggerBatch(f, c)
		scores, _ := m.Scores(f.b, in)
		got := f.run(scores)[0]
		spelled := [][]int{{1, 3, 4}, {2, 4}, {3}}
		for k, sentence := range []struct{ words, which []int }{{[]int{4, 5, 4}, []int{0, 1, 0}}, {[]int{1}, []int{2}}} {
			var chars [][]int
			for _, i := range sentence.which {
				chars = append(chars, spelled[i])
			}
			want := taggerScores(c, f.params(), sentence.words, chars)
			for s := range want {
				equal(t, name, got[(s*2+k)*c.Tags:][:c.Tags], want[s], 1e-12)
			}
		}
	}
}

func TestTaggerGradients(t *testing.T) {
	for _, crf := range []bool{false, true} {
		f := newFixture(t)
		c := smallTagger(crf)
		c.Dropout = 0.3
		m, err := models.NewTagger(f.p, c)
		if err != nil {
			t.Fatal(err)
		}
		f.spread()
		in := taggerBatch(f, c)
		in.Keys = f.b.Keys(f.key(), 3)
		tags := f.input("tags", []int32{1, 2, 0, 0, 2, 0}, 3, 2)
		scores, _ := m.Scores(f.b, in)
		f.checkGradients(f.b.Sum(m.NLL(f.b, scores, tags, in.Mask)))
	}
}

func TestTaggerRefuses(t *testing.T) {
	for setting, change := range map[string]func(*models.TaggerConfig){
		"Words": func(c *models.TaggerConfig) { c.Words = 0 }, "Embed": func(c *models.TaggerConfig) { c.Embed = 0 },
		"Chars": func(c *models.TaggerConfig) { c.Chars = -1 }, "CharEmbed": func(c *models.TaggerConfig) { c.CharEmbed = 0 },
		"CharHidden": func(c *models.TaggerConfig) {
			c.Chars, c.CharEmbed = 0,
				0
		}, "Tags": func(c *models.TaggerConfig) { c.Tags = 1 },
		"Hidden": func(c *models.TaggerConfig) { c.Hidden = 0 }, "Layers": func(c *models.TaggerConfig) { c.Layers = 0 },
		"Dropout": func(c *models.TaggerConfig) { c.Dropout = 1 }, "Cell": func(c *models.TaggerConfig) { c.Cell = nil },
	} {
		c := smallTagger(true)
		change(&c)
		_, err := c.Weights()
		var wrong *models.SettingError
		if !errors.As(err, &wrong) || wrong.Setting != setting {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
