package lessons_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Three places to look at, and a query: all by hand.
func Example_attend() {
	b := op.New(G.NewGraph())
	h := array(b, "h", []float32{1, 0, 0, 1, 1, 1}, 1, 3, 2) // B×S×D: three vectors of two numbers
	s := array(b, "s", []float32{2, 0}, 1, 2)                // B×H
	//lesson:attend
	scores := b.Squeeze(b.Product(b.Expand(s, 1), h, op.TransY), 1) // B×S: s·h_i
	weights := b.Softmax(scores)                                    // B×S: α_i, none below 0, together 1
	context := b.Squeeze(b.Product(b.Expand(weights, 1), h), 1)     // B×D: Σ α_i h_i
	//lesson:end
	c, w := models.Attend(b, models.Dot{}, s, models.Memory{Values: h, Projected: h})
	v := compute(b, scores, weights, context, w, c)
	fmt.Println("scores ", v[0])
	fmt.Printf("weights %.3f\n", v[1])
	fmt.Printf("context %.3f\n", v[2])
	fmt.Printf("models.Attend: %.3f %.3f\n", v[3], v[4])
	// Output:
	// scores  [2 0 2]
	// weights [0.468 0.063 0.468]
	// context [0.937 0.532]
	// models.Attend: [0.468 0.063 0.468] [0.937 0.532]
}

// A decoder with attention, written as a step: two words of five letters, three steps of the decoder.
func Example_decoder() {
	const S, T, B, E, H = 5, 3, 2, 6, 8
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	cell, err := models.CellConfig{Kind: "gru"}.NewCell(p, E+H, H)
	check(err)
	attention, err := models.Additive{}.NewAttention(p.Scope("attention"), H, H)
	check(err)
	h, s0, es := p.Normal("h", 1, B, S, H), p.Normal("s0", 1, B, H), p.Normal("e", 1, T, B, E)
	//lesson:decoder
	memory := models.Memory{Values: h}.For(b, attention) // h_i, and W_2·h_i
	run := b.Scan(op.Scan{Seqs: []*G.Node{es}, States: []*G.Node{s0}},
		func(b *op.Builder, in op.In) op.Out {
			e, s := in.Seqs[0], in.States[0]
			c, alpha := models.Attend(b, attention, s, memory)    // c_t = Σ α_i h_i, with α = softmax(score(s_{t-1}, h_i))
			next := cell.Step(b, b.Concat(1, e, c), []*G.Node{s}) // s_t = GRU([e_t; c_t], s_{t-1})
			return op.Out{States: next, Outs: []*G.Node{alpha}}
		})
	//lesson:end
	check(b.Err())
	fmt.Println("h      ", shape(h))
	fmt.Println("states ", shape(run.States[0]))
	fmt.Println("weights", shape(run.Outs[0]))
	fmt.Printf("the weights of a step sum to %.2f\n", compute(b, b.Sum(run.Outs[0], -1))[0])
	// Output:
	// h       (2, 5, 8)
	// states  (3, 2, 8)
	// weights (3, 2, 5)
	// the weights of a step sum to [1.00 1.00 1.00 1.00 1.00 1.00]
}

// v·tanh(W1·s + W2·h) is v·tanh(W·[s; h]) with W = [W1 W2].
func Example_additive() {
	const H, D = 3, 2
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	h, s := p.Normal("h", 1, 1, 4, D), p.Normal("s", 1, 1, H)
	//lesson:additive
	W1, W2, v := p.Normal("W1", 1, H, H), p.Normal("W2", 1, H, D), p.Normal("v", 1, H)
	additive := models.Additive{W: W1, U: W2, V: v}
	concat := models.Concat{W: b.Concat(1, W1, W2), V: v}
	//lesson:end
	x := compute(b, additive.Scores(b, s, additive.Project(b, h)), concat.Scores(b, s, h))
	fmt.Printf("additive %.4f\nconcat   %.4f\n", x[0], x[1])
	// Output:
	// additive [-0.0777 -0.1935 0.3846 -0.0765]
	// concat   [-0.0777 -0.1935 0.3846 -0.0765]
}

// trainingDates are about a thousand generated dates in two written forms, 3 May 1979 and May 3, 1979.
func trainingDates() (sources, targets []string) {
	form := regexp.MustCompile(`^(\d+ [A-Z][a-z]{2,} \d{4}|[A-Z][a-z]{2,} \d+, \d{4})$`)
	all, _, err := tasks.Pairs("dates", tasks.Config{Seed: 1, Train: 10000, Valid: 1})
	check(err)
	for i := range all.Len() {
		pair, err := all.Pair(i)
		check(err)
		if form.MatchString(pair.Source) {
			sources, targets = append(sources, pair.Source), append(targets, pair.Target)
		}
	}
	return sources, targets
}

// datesModel writes dates.
type datesModel struct {
	*trainer.Seq2Seq
	letters, digits alphabet
}

// learnDates trains a decoder with attention on dates, once.
var learnDates = sync.OnceValue(func() *datesModel {
	sources, targets := trainingDates()
	letters, digits := newAlphabet(sources), newAlphabet(targets)
	//lesson:dates
	m, err := trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: models.Seq2SeqConfig{
			Source: 4 + len(letters), Target: 4 + len(digits), Tokens: models.DefaultTokens,
			Cell: models.CellConfig{Kind: "gru"}, Embed: 16, Hidden: 32, Layers: 1, Bidirectional: true,
			Attention: models.Additive{}, Before: true,
		},
		TeacherForcing: 1, Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1}, Device: device,
	})
	//lesson:end
	check(err)
	random := rand.New(rand.NewPCG(1, 2))
	for step := range 300 {
		source, target := make([]string, 32), make([]string, 32)
		for k := range source {
			i := random.IntN(len(sources))
			source[k], target[k] = sources[i], targets[i]
		}
		_, _, err := m.Train(trainer.Translations{
			SourceSteps: 20, TargetSteps: 11, Batch: 32,
			Source: letters.tokens(source, 20), Target: digits.tokens(target, 11),
		}, step, 0.01)
		check(err)
	}
	return &datesModel{m, letters, digits}
})

// translate writes a date, and gives the weights of its attention: a row for each character that it writes, the
// end included, of a number for each that it reads, the end included.
func (m *datesModel) translate(date string) (string, [][]float64) {
	//lesson:weights
	found, err := m.Search(m.letters.tokens([]string{date}, 20), 1,
		decode.Beam{Width: 1, MaxLength: 11, Tokens: models.DefaultTokens})
	check(err)
	tokens, weights := found[0][0].Tokens, found[0][0].Weights // weights[t][i]: how much of place i the step t read
	//lesson:end
	for t, row := range weights {
		weights[t] = row[:len(date)+1]
	}
	return m.digits.words(tokens, 1)[0], weights
}

// shownDates are dates that were not trained on.
var shownDates = []string{"3 May 1979", "September 21, 2024"}

func Example_dates() {
	m := learnDates()
	for _, date := range shownDates {
		written, weights := m.translate(date)
		fmt.Printf("%s -> %s\n", date, written)
		for t, digit := range written {
			if digit != '-' {
				i := slices.Index(weights[t], slices.Max(weights[t]))
				fmt.Printf("  writes %c, looks most at place %2d, %q, with %.2f\n", digit, i, (date + "$")[i], weights[t][i])
			}
		}
	}
	// Output:
	// 3 May 1979 -> 1979-05-03
	//   writes 1, looks most at place  6, '1', with 0.98
	//   writes 9, looks most at place  6, '1', with 0.97
	//   writes 7, looks most at place  8, '7', with 0.99
	//   writes 9, looks most at place  9, '9', with 0.91
	//   writes 0, looks most at place  3, 'a', with 0.66
	//   writes 5, looks most at place  3, 'a', with 0.91
	//   writes 0, looks most at place  3, 'a', with 0.20
	//   writes 3, looks most at place  0, '3', with 0.99
	// September 21, 2024 -> 2024-09-21
	//   writes 2, looks most at place 15, '0', with 1.00
	//   writes 0, looks most at place 15, '0', with 1.00
	//   writes 2, looks most at place 16, '2', with 0.96
	//   writes 4, looks most at place 17, '4', with 0.96
	//   writes 0, looks most at place  3, 't', with 0.61
	//   writes 9, looks most at place  2, 'p', with 0.66
	//   writes 2, looks most at place 10, '2', with 0.85
	//   writes 1, looks most at place 11, '1', with 0.97
}

// The dates that are shown are not among those that were learned.
func TestShownDatesAreNew(t *testing.T) {
	sources, _ := trainingDates()
	for _, date := range shownDates {
		if slices.Contains(sources, date) {
			t.Errorf("%s was trained on", date)
		}
	}
}
