package decode_test

import (
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// words are the tokens of the example: padding, unknown and start are never written, and the end is not shown.
var words = []string{"", "", "", "", "a", "the", "cat", "dog"}

// bigrams is a model that knows of what it has written the last token only: the probability of the next one.
type bigrams struct{ next map[int32]map[int32]float64 }

// Step implements decode.Stepper.
func (m bigrams) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for _, token := range tokens {
		row := make([]float64, len(words))
		for i := range row {
			row[i] = math.Log(m.next[token][int32(i)])
		}
		s.Double = append(s.Double, row)
	}
	return s, nil // no attention
}

// The likeliest first word need not begin the likeliest text: a beam of width 1 takes it, one of width 2 finds better.
func ExampleBeam() {
	const start, end, a, the, cat, dog = 2, 3, 4, 5, 6, 7
	m := bigrams{map[int32]map[int32]float64{
		start: {a: 0.6, the: 0.4},
		a:     {cat: 0.5, dog: 0.5}, // 0.3 each
		the:   {dog: 1},             // 0.4
		cat:   {end: 1},
		dog:   {end: 1},
	}}
	for width := 1; width <= 2; width++ {
		c := decode.Beam{Width: width, MaxLength: 5, Tokens: models.DefaultTokens}
		found, err := c.Search(m, []int{1}) // one source, of one token
		if err != nil {
			fmt.Println(err)
			return
		}
		best := found[0][0]
		fmt.Printf("width %d:", width)
		for _, token := range best.Tokens[:len(best.Tokens)-1] {
			fmt.Print(" ", words[token])
		}
		fmt.Printf(", probability %.1f\n", math.Exp(best.LogProb))
	}
	// Output:
	// width 1: a cat, probability 0.3
	// width 2: the dog, probability 0.4
}

// Sampling sharpens a distribution, and cuts what is unlikely.
func ExampleSampling() {
	logits := []float64{math.Log(0.6), math.Log(0.3), math.Log(0.1)}
	for _, c := range []decode.Sampling{{Temperature: 1}, {Temperature: 0.5}, {Temperature: 1, TopK: 2}, {}} {
		p, err := c.Probabilities(logits)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.2f\n", p)
	}
	// Output:
	// [0.60 0.30 0.10]
	// [0.78 0.20 0.02]
	// [0.67 0.33 0.00]
	// [1.00 0.00 0.00]
}
