package lessons_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The rule of the transliteration: a syllable of two letters becomes a character, and a second one, the sign of
// the vowel, unless the vowel is a.
var (
	consonants = map[rune]rune{'k': 'क', 'g': 'ग', 't': 'त', 'd': 'द', 'n': 'न', 'p': 'प', 'b': 'ब', 'm': 'म', 'r': 'र',
		'l': 'ल', 's': 'स', 'h': 'ह'}
	vowels = map[rune]rune{'a': 0, 'i': 'ि', 'u': 'ु', 'e': 'े', 'o': 'ो'}
)

// devanagari writes a word of syllables in Devanagari.
func devanagari(word string) string {
	var s strings.Builder
	for _, r := range word {
		if c := consonants[r]; c != 0 {
			s.WriteRune(c)
		} else if v := vowels[r]; v != 0 {
			s.WriteRune(v)
		}
	}
	return s.String()
}

// alphabet numbers characters from 4 on: 0 to 3 are models.DefaultTokens.
type alphabet []rune

// newAlphabet is what words are written with.
func newAlphabet(words []string) alphabet {
	a := alphabet(strings.Join(words, ""))
	slices.Sort(a)
	return slices.Compact(a)
}

// tokens are the tokens of words, T×B, each with its end, and padding after it.
func (a alphabet) tokens(words []string, steps int) []int32 {
	tokens := make([]int32, steps*len(words))
	for k, w := range words {
		letters := []rune(w)
		for t, r := range letters {
			tokens[t*len(words)+k] = int32(4 + slices.Index(a, r))
		}
		tokens[len(letters)*len(words)+k] = models.DefaultTokens.End
	}
	return tokens
}

// words are the words of tokens, T×B.
func (a alphabet) words(tokens []int32, batch int) []string {
	words := make([]string, batch)
	for i, t := range tokens {
		if t >= 4 {
			words[i%batch] += string(a[t-4])
		}
	}
	return words
}

// latin and indic are the alphabets of both sides.
var latin, indic = alphabet("abdeghiklmnoprstu"), alphabet("कगतदनपबमरलसहिुेो")

// romanised draws words of two or three syllables, and writes them in Devanagari.
func romanised(random *rand.Rand, n int) (sources, targets []string) {
	for range n {
		var w strings.Builder
		for range 2 + random.IntN(2) {
			w.WriteByte("kgtdnpbmrlsh"[random.IntN(12)])
			w.WriteByte("aiueo"[random.IntN(5)])
		}
		sources, targets = append(sources, w.String()), append(targets, devanagari(w.String()))
	}
	return sources, targets
}

// pairs is a batch of words of up to 6 letters and 6 characters, and their ends.
func pairs(sources, targets []string) trainer.Translations {
	return trainer.Translations{
		SourceSteps: 7, TargetSteps: 7, Batch: len(sources),
		Source: latin.tokens(sources, 7), Target: indic.tokens(targets, 7),
	}
}

// learnTransliteration trains an encoder and a decoder, and gives the loss before each step.
func learnTransliteration(steps int, teacherForcing float64) (*trainer.Seq2Seq, []float64) {
	//lesson:seq2seq
	m, err := trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: models.Seq2SeqConfig{
			Source: 4 + len(latin), Target: 4 + len(indic), Tokens: models.DefaultTokens,
			Cell: models.CellConfig{Kind: "lstm"}, Embed: 16, Hidden: 64, Layers: 1,
		},
		TeacherForcing: teacherForcing, Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1},
		Device: device,
	})
	check(err)
	random := rand.New(rand.NewPCG(1, 2))
	var losses []float64
	for step := range steps {
		loss, _, err := m.Train(pairs(romanised(random, 64)), step, 0.01)
		check(err)
		losses = append(losses, loss)
	}
	//lesson:end
	return m, losses
}

// exact is how many of 200 other words are written without a mistake.
func exact(m *trainer.Seq2Seq) int {
	sources, targets := romanised(rand.New(rand.NewPCG(3, 4)), 200)
	x := pairs(sources, targets)
	tokens, err := m.Greedy(x.Source, x.Batch, x.TargetSteps)
	check(err)
	right := 0
	for k, w := range indic.words(tokens, x.Batch) {
		if w == targets[k] {
			right++
		}
	}
	return right
}

func Example_transliteration() {
	m, losses := learnTransliteration(400, 1)
	defer m.Close()
	fmt.Printf("loss before training %.2f, after 400 steps %.2f\n", losses[0], losses[399])
	words := []string{"namika", "delu", "rohini", "goda"}
	//lesson:greedy
	written, err := m.Greedy(latin.tokens(words, 7), len(words), 7) // at most 7 steps, each the likeliest character
	//lesson:end
	check(err)
	for k, w := range indic.words(written, len(words)) {
		fmt.Printf("%-6s %s %v\n", words[k], w, w == devanagari(words[k]))
	}
	fmt.Println(exact(m), "of 200 other words without a mistake")
	// Output:
	// loss before training 2.99, after 400 steps 0.02
	// namika नमिक true
	// delu   देलु true
	// rohini रोहिनि true
	// goda   गोद true
	// 199 of 200 other words without a mistake
}

func Example_forcing() {
	for _, ratio := range []float64{1, 0} {
		m, _ := learnTransliteration(200, ratio)
		fmt.Printf("teacher forcing %.0f: after 200 steps %.1f of the words are right\n", ratio, float64(exact(m))/200)
		m.Close()
	}
	// Output:
	// teacher forcing 1: after 200 steps 0.9 of the words are right
	// teacher forcing 0: after 200 steps 0.7 of the words are right
}

// Which rows of the weights belong to which gate: every block of the biases is opened or closed by itself, with
// all else equal.
func Example_gates() {
	const H = 1
	closed := []struct {
		kind   string
		blocks []string
		open   []float32 // biases b_ih of the blocks
		hidden []float32 // biases b_hh of the blocks
	}{
		{"gru", []string{"r", "z", "n"}, []float32{0, 0, 0}, []float32{0, 0, 1}},
		{"lstm", []string{"i", "f", "g", "o"}, []float32{0, 0, 50, 0}, []float32{0, 0, 0, 0}},
	}
	for _, c := range closed {
		for block := range len(c.blocks) + 1 {
			b := op.New(G.NewGraph())
			p := models.NewParams(b, tensor.Float32, 1)
			cell, err := models.CellConfig{Kind: c.kind}.NewCell(p, 1, H)
			check(err)
			bias := slices.Clone(c.open)
			name := "none"
			if block > 0 {
				bias[block-1], name = -50, c.blocks[block-1]
			}
			n := p.Nodes() // weight_ih, weight_hh, bias_ih, bias_hh
			for k, data := range [][]float32{make([]float32, len(bias)), make([]float32, len(bias)), bias, c.hidden} {
				copy(n[k].Value().Data().([]float32), data)
			}
			half := array(b, "half", []float32{0.5}, 1, H)
			states := []*G.Node{half, half}[:cell.States()]
			v := compute(b, cell.Step(b, half, states)...)
			fmt.Printf("%-4s rows lowered: %-4s  h' = %6.3f", c.kind, name, v[0][0])
			if len(v) > 1 {
				fmt.Printf("  c' = %6.3f", v[1][0])
			}
			fmt.Println()
		}
	}
	// Output:
	// gru  rows lowered: none  h' =  0.481
	// gru  rows lowered: r     h' =  0.250
	// gru  rows lowered: z     h' =  0.462
	// gru  rows lowered: n     h' = -0.250
	// lstm rows lowered: none  h' =  0.318  c' =  0.750
	// lstm rows lowered: i     h' =  0.122  c' =  0.250
	// lstm rows lowered: f     h' =  0.231  c' =  0.500
	// lstm rows lowered: g     h' = -0.122  c' = -0.250
	// lstm rows lowered: o     h' =  0.000  c' =  0.750
}

// The numbers of weights of a layer of each cell, from 27 letters to 256 units.
func Example_sizes() {
	for _, kind := range models.Cells {
		p := models.NewParams(op.New(G.NewGraph()), tensor.Float32, 1)
		_, err := models.CellConfig{Kind: kind}.NewCell(p, 27, 256)
		check(err)
		total := 0
		fmt.Printf("%-4s", kind)
		for _, n := range p.Nodes() {
			fmt.Printf(" %s %s", strings.TrimSuffix(strings.TrimPrefix(n.Name(), "cell."), "_l0"), shape(n))
			total += n.Shape().TotalSize()
		}
		fmt.Println(" together", total)
	}
	// Output:
	// rnn  weight_ih (256, 27) weight_hh (256, 256) bias_ih (256) bias_hh (256) together 72960
	// gru  weight_ih (768, 27) weight_hh (768, 256) bias_ih (768) bias_hh (768) together 218880
	// lstm weight_ih (1024, 27) weight_hh (1024, 256) bias_ih (1024) bias_hh (1024) together 291840
}

// jacobian is √(Σ (∂h_T,i/∂h_0,j)² / H) for T steps of a cell with fresh weights on random inputs: 1 would be a
// copy of h_0.
func jacobian(c models.CellConfig, steps int) float64 {
	const H, I = 32, 16
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	cell, err := c.NewCell(p, I, H)
	check(err)
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, steps*I)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	eye := make([]float32, H*H)
	for i := range H {
		eye[i*H+i] = 1
	}
	//lesson:jacobian
	xs := b.Broadcast(array(b, "x", x, steps, 1, I), steps, H, I) // H copies of one sequence
	h0 := array(b, "h_0", make([]float32, H*H), H, H)
	states := []*G.Node{h0}
	if cell.States() == 2 {
		states = append(states, b.Fill(h0, 0, H, H))
	}
	_, last := models.Layer{Name: "layer", Cell: cell}.Apply(b, models.Input{X: xs, States: states})
	diagonal := b.Sum(b.Mul(last[0], array(b, "1", eye, H, H))) // h_T of unit i in copy i
	rows, err := G.Grad(diagonal, h0)                           // row i is ∂h_T,i/∂h_0
	//lesson:end
	check(err)
	sum := 0.0
	for _, v := range compute(b, rows[0])[0] {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / H)
}

// vanishingCells are those of the picture, with the initial weights of PyTorch, and the forget gate more or less open.
var vanishingCells = []struct {
	name   string
	config models.CellConfig
}{
	{"RNN", models.CellConfig{Kind: "rnn"}},
	{"LSTM", models.CellConfig{Kind: "lstm"}},
	{"GRU", models.CellConfig{Kind: "gru"}},
	{"LSTM, b_f + 1", models.CellConfig{Kind: "lstm", ForgetBias: 1}},
	{"LSTM, b_f + 5", models.CellConfig{Kind: "lstm", ForgetBias: 5}},
}

// vanishingSteps are lengths of sequences.
var vanishingSteps = []int{1, 2, 5, 10, 20, 50, 100}

// jacobians are those of each cell, for each length.
var jacobians = sync.OnceValue(func() [][]float64 {
	rows := make([][]float64, len(vanishingCells))
	for i, c := range vanishingCells {
		for _, steps := range vanishingSteps {
			rows[i] = append(rows[i], jacobian(c.config, steps))
		}
	}
	return rows
})

func Example_vanishing() {
	fmt.Print("T             ")
	for _, steps := range vanishingSteps {
		fmt.Printf("  %7d", steps)
	}
	fmt.Println()
	for i, c := range vanishingCells {
		fmt.Printf("%-14s", c.name)
		for _, x := range jacobians()[i] {
			fmt.Printf("  %.1e", x)
		}
		fmt.Println()
	}
	// Output:
	// T                     1        2        5       10       20       50      100
	// RNN             5.1e-01  2.5e-01  2.7e-02  5.9e-04  3.2e-07  2.5e-17  8.6e-34
	// LSTM            1.2e-01  6.1e-02  1.1e-02  7.2e-04  6.2e-06  1.7e-12  1.1e-23
	// GRU             5.1e-01  2.7e-01  5.4e-02  4.9e-03  5.0e-05  4.6e-11  4.6e-21
	// LSTM, b_f + 1   1.2e-01  8.6e-02  4.1e-02  1.2e-02  1.9e-03  4.6e-06  1.2e-10
	// LSTM, b_f + 5   1.2e-01  1.2e-01  1.2e-01  1.2e-01  1.6e-01  2.6e-01  2.4e-01
}

// What a forget gate keeps of a cell, if nothing but its bias b enters it.
func Example_forgetGate() {
	for _, b := range []float64{0, 1, 5} {
		f := 1 / (1 + math.Exp(-b))
		fmt.Printf("b_f = %.0f keeps %.4f at each step, %.1e after 100\n", b, f, math.Pow(f, 100))
	}
	// Output:
	// b_f = 0 keeps 0.5000 at each step, 7.9e-31 after 100
	// b_f = 1 keeps 0.7311 at each step, 2.5e-14 after 100
	// b_f = 5 keeps 0.9933 at each step, 5.1e-01 after 100
}
