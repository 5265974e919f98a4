package lessons_test

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The vanilla recurrent network over one sequence: its shapes.
func Example_vanilla() {
	const T, B, I, H, O = 5, 1, 3, 4, 2
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 2)
	xs := array(b, "xs", []float32{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0}, T, B, I)
	s0 := array(b, "s0", make([]float32, B*H), B, H)
	U, W, bias := p.Normal("U", 0.5, I, H), p.Normal("W", 0.5, H, H), p.Constant("b", 0, H)
	V, c := p.Normal("V", 0.5, H, O), p.Constant("c", 0, O)

	//lesson:vanilla
	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{s0}},
		func(b *op.Builder, in op.In) op.Out {
			x, s := in.Seqs[0], in.States[0]
			s = b.Tanh(b.Add(b.Add(b.Product(x, U), b.Product(s, W)), bias)) // s_t = tanh(x_t·U + s_{t-1}·W + b)
			return op.Out{States: []*G.Node{s}}
		})
	ys := b.Softmax(b.Add(b.Product(run.States[0], V), c)) // y_t = softmax(s_t·V + c)
	//lesson:end

	y := compute(b, ys)[0]
	fmt.Println("x", shape(xs), " s", shape(run.States[0]), " y", shape(ys))
	for t := range T {
		fmt.Printf("y_%d = %.3f  sum %.3f\n", t+1, y[t*O:][:O], y[t*O]+y[t*O+1])
	}
	// Output:
	// x (5, 1, 3)  s (5, 1, 4)  y (5, 1, 2)
	// y_1 = [0.426 0.574]  sum 1.000
	// y_2 = [0.875 0.125]  sum 1.000
	// y_3 = [0.603 0.397]  sum 1.000
	// y_4 = [0.825 0.175]  sum 1.000
	// y_5 = [0.475 0.525]  sum 1.000
}

// Two products, or one of the joined vectors with the matrices one below the other.
func Example_concatenated() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	x, s := p.Normal("x", 1, 1, 3), p.Normal("s", 1, 1, 4)
	U, W := p.Normal("U", 1, 3, 4), p.Normal("W", 1, 4, 4)
	//lesson:concatenated
	two := b.Add(b.Product(x, U), b.Product(s, W))
	one := b.Product(b.Concat(1, x, s), b.Concat(0, U, W)) // [x s]·[U; W]
	//lesson:end
	v := compute(b, two, one)
	fmt.Printf("%.4f\n%.4f\n", v[0], v[1])
	// Output:
	// [-0.9043 0.0760 6.2875 -0.0462]
	// [-0.9043 0.0760 6.2875 -0.0462]
}

// surnames are names of three languages. The last four of each are not trained on.
var surnames = []struct {
	language string
	names    []string
}{
	{"Italian", []string{"rossi", "bianchi", "ricci", "romano", "colombo", "esposito", "ferrari", "gallo", "conti", "costa", "giordano",
		"mancini", "rizzo", "lombardi", "moretti", "barbieri", "fontana", "santoro", "mariani", "rinaldi", "caruso", "ferrara", "galli",
		"martini", "leone", "longo", "gentile", "martinelli", "vitale", "lombardo", "marini", "bianco", "palmieri", "bernardi"}},
	{"Japanese", []string{"sato", "suzuki", "takahashi", "tanaka", "watanabe", "ito", "yamamoto", "nakamura", "kobayashi", "kato", "yoshida",
		"yamada", "sasaki", "yamaguchi", "matsumoto", "inoue", "kimura", "hayashi", "shimizu", "yamazaki", "mori", "abe", "ikeda",
		"hashimoto", "ishikawa", "ogawa", "goto", "okada", "hasegawa", "murakami", "kondo", "ishii", "maeda", "fujiwara"}},
	{"Russian", []string{"ivanov", "smirnov", "kuznetsov", "popov", "vasiliev", "petrov", "sokolov", "mikhailov", "novikov", "fedorov", "morozov",
		"volkov", "alekseev", "lebedev", "semenov", "egorov", "pavlov", "kozlov", "stepanov", "nikolaev", "orlov", "andreev", "makarov",
		"nikitin", "zakharov", "zaitsev", "soloviev", "borisov", "yakovlev", "grigoriev", "romanov", "vorobiev", "frolov", "belov"}},
}

// unseen is how many names of each language are kept for measuring.
const unseen = 4

// spell makes a batch of words of small letters: a is token 0. The mask is 0 behind the end of a word.
func spell(words []string) trainer.Sequences {
	longest := 0
	for _, w := range words {
		longest = max(longest, len(w))
	}
	x := trainer.Sequences{Steps: longest, Batch: len(words)}
	x.Tokens, x.Mask = make([]int32, longest*len(words)), make([]float32, longest*len(words))
	for k, w := range words {
		for t := range w {
			x.Tokens[t*len(words)+k], x.Mask[t*len(words)+k] = int32(w[t]-'a'), 1
		}
	}
	return x
}

// learnNames trains a classifier of surnames; it gives the loss before each step, too.
func learnNames() (*trainer.Classifier, []float64) {
	var words []string
	var classes []int32
	for class, l := range surnames {
		for _, name := range l.names[:len(l.names)-unseen] {
			words, classes = append(words, name), append(classes, int32(class))
		}
	}
	batch, all := spell(words), slices.Repeat([]float32{1}, len(words))
	//lesson:names
	m, err := trainer.NewClassifier(trainer.ClassifierConfig{
		Model: models.ClassifierConfig{
			Vocab: 26, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 32, Layers: 1, Classes: 3,
		},
		Training: trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1}, Device: device,
	})
	check(err)
	var losses []float64
	for step := range 100 {
		loss, _, err := m.Train(batch, classes, all, step, 0.01)
		check(err)
		losses = append(losses, loss)
	}
	//lesson:end
	return m, losses
}

func Example_names() {
	m, losses := learnNames()
	defer m.Close()
	fmt.Printf("loss before training %.2f, ln 3 is %.2f; after it below 0.1: %v\n", losses[0], math.Log(3),
		losses[len(losses)-1] < 0.1)
	right := 0
	for class, l := range surnames {
		names := l.names[len(l.names)-unseen:]
		logits, err := m.Logits(spell(names))
		check(err)
		for k, name := range names {
			guess := largest(logits[3*k:][:3])
			fmt.Printf("%-9s %-9s %s\n", name, l.language, surnames[guess].language)
			if guess == class {
				right++
			}
		}
	}
	fmt.Println(right, "of", unseen*len(surnames), "are right")
	// Output:
	// loss before training 1.15, ln 3 is 1.10; after it below 0.1: true
	// marini    Italian   Italian
	// bianco    Italian   Italian
	// palmieri  Italian   Italian
	// bernardi  Italian   Italian
	// kondo     Japanese  Japanese
	// ishii     Japanese  Japanese
	// maeda     Japanese  Japanese
	// fujiwara  Japanese  Japanese
	// romanov   Russian   Russian
	// vorobiev  Russian   Russian
	// frolov    Russian   Russian
	// belov     Russian   Russian
	// 12 of 12 are right
}

// The shapes of a transliteration from 26 letters and an end to 128 characters and an end.
func Example_transliterationShapes() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	gru := func(name string, inputs int) *models.Recurrent {
		r, err := models.NewRecurrent(p, name,
			models.RecurrentConfig{Cell: models.CellConfig{Kind: "gru"}, Input: inputs, Hidden: 256, Layers: 1})
		check(err)
		return r
	}
	name := integers(b, "name", []int32{0, 1, 2, 3, 4, 26}, 6, 1) // five letters and the end
	start := integers(b, "start", []int32{128}, 1, 1)
	like := p.Constant("like", 0, 1)

	//lesson:transliteration
	encoder, decoder, output := gru("encoder", 27), gru("decoder", 129), models.NewLinear(p, "output", 256, 129)

	letters := b.OneHot(name, 27, like)                                      // 6×1×27
	outputs, hidden := encoder.Apply(b, models.Input{X: letters})            // 6×1×256, and 1×256 for the one layer
	character := b.OneHot(start, 129, like)                                  // 1×1×129
	state, _ := decoder.Apply(b, models.Input{X: character, States: hidden}) // 1×1×256: begins where the encoder ended
	probabilities := b.Softmax(output.Apply(b, state))                       // 1×1×129
	//lesson:end

	fmt.Println("encoder input ", shape(letters))
	fmt.Println("encoder output", shape(outputs))
	fmt.Println("encoder hidden", shape(b.Stack(0, hidden...)))
	fmt.Println("decoder input ", shape(character))
	fmt.Println("decoder state ", shape(state))
	fmt.Println("decoder output", shape(probabilities))

	v := compute(b, outputs, hidden[0], probabilities, b.LogSoftmax(output.Apply(b, state)))
	fmt.Println("the encoder's hidden state is its last output:", slices.Equal(v[0][5*256:], v[1]))
	sum := 0.0
	for _, x := range v[2] {
		sum += float64(x)
	}
	fmt.Printf("the decoder's probabilities: from %.4f to %.4f, sum %.3f\n", slices.Min(v[2]), slices.Max(v[2]), sum)
	fmt.Printf("their logarithms: from %.2f to %.2f\n", slices.Min(v[3]), slices.Max(v[3]))
	// Output:
	// encoder input  (6, 1, 27)
	// encoder output (6, 1, 256)
	// encoder hidden (1, 1, 256)
	// decoder input  (1, 1, 129)
	// decoder state  (1, 1, 256)
	// decoder output (1, 1, 129)
	// the encoder's hidden state is its last output: true
	// the decoder's probabilities: from 0.0071 to 0.0085, sum 1.000
	// their logarithms: from -4.95 to -4.76
}
