package exchange_test

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
	"github.com/unroll-ml/unroll/models"
)

// TestTagger compares taggers with unroll's: with and without characters, softmax and CRF.
func TestTagger(t *testing.T) {
	for _, chars := range []int{0, 6} {
		for _, crf := range []bool{false, true} {
			for _, name := range []string{"lstm", "own"} {
				t.Run(fmt.Sprintf("%d chars/crf %t/%s", chars, crf, name), func(t *testing.T) {
					c := models.TaggerConfig{
						Words: 7, Embed: 3, Chars: chars, Cell: cells[name].kind, Hidden: 3, Layers: 1,
						Bidirectional: true, Tags: 4, CRF: crf,
					}
					if chars > 0 {
						c.CharEmbed, c.CharHidden = 2, 3
					}
					var file []byte
					for _, x := range batches {
						file = newFixture(t, 0).tag(c, x.time, x.lengths, file)
					}
				})
			}
		}
	}
}

// tag compares a batch, with a file that was written before or a new one, which it gives.
func (f *fixture) tag(c models.TaggerConfig, time int, lengths []int, file []byte) []byte {
	f.Helper()
	m, err := models.NewTagger(f.p, c)
	if err != nil {
		f.Fatal(err)
	}
	f.round()
	b, batch := f.b, len(lengths)
	words := f.tokens(batch, time, 0, c.Words)
	given := map[string]*onnxtest.Tensor{
		"words": onnxtest.Ints(words, batch, time), "lengths": onnxtest.Ints(ints(lengths), batch),
	}
	in := models.TaggerInput{
		Words: b.Transpose(f.input("words", tensor.Int32, words, batch, time), 1, 0),
		Mask:  f.input("mask", tensor.Float64, mask(time, lengths), time, batch),
	}
	if c.Chars > 0 {
		letters := []int{2, 3, 1, 3}
		which, chars := f.tokens(batch, time, 0, len(letters)), f.tokens(len(letters), 3, 0, c.Chars)
		given["which"], given["chars"] = onnxtest.Ints(which, batch, time), onnxtest.Ints(chars, len(letters), 3)
		given["char_lengths"] = onnxtest.Ints(ints(letters), len(letters))
		in.Which = b.Transpose(f.input("which", tensor.Int32, which, batch, time), 1, 0)
		in.Chars = b.Transpose(f.input("chars", tensor.Int32, chars, len(letters), 3), 1, 0)
		in.CharMask = f.input("char mask", tensor.Float64, mask(3, letters), 3, len(letters))
	}
	scores, _ := m.Scores(b, in)
	want := f.run(b.Transpose(scores, 1, 0, 2), b.Transpose(m.Best(b, scores, in.Mask), 1, 0))
	if file == nil {
		file = f.file(c, exchange.Whole)
	}
	got := f.compute(file, given)
	f.near("scores", got["scores"], want[0], batch, time, c.Tags)
	f.near("tags", got["tags"], want[1], batch, time)
	return file
}
