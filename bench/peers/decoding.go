package main

import (
	"io"
	"math/rand/v2"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// decoder is a contender that writes tokens with a model in use. What it measures is the mean over tokens of what they
// were chosen by, and a number that another token would change: see checksum.
type decoder interface {
	contender
	tensors() ([]checkpoint.Tensor, error) // the weights, and inputs whose names begin with "in/"
}

// exporter is a decoder that can be written as an ONNX file.
type exporter interface {
	decoder
	export(w io.Writer) error
}

// sampled is a language model of LSTM layers that writes one character after the other, the likeliest. Of its size
// In is the embedding's, Target the number of characters and Steps that of those to write.
var sampled = workload{
	Workload: workloads.Workload{
		Name: "sample", What: "characters one by one from 2 layers of LSTM, nothing trained", Forward: true,
		Full: workloads.Size{Steps: 200, In: 32, Hidden: 512, Layers: 2, Target: 65},
		Tiny: workloads.Size{Steps: 9, In: 3, Hidden: 6, Layers: 2, Target: 7},
		FLOP: func(s workloads.Size) float64 {
			cells := 4 * s.Hidden * (s.In + s.Hidden + 2*s.Hidden*(s.Layers-1))
			return 2 * float64(s.Steps*(cells+s.Hidden*s.Target))
		},
	},
	torch: []string{"loop", "traced"}, onnx: true, decode: newWriter,
}

// translated is a translation of Batch sentences of Steps/2 to Steps words, each into 1.5·Steps words, which are as many
// as may be: with its random weights a model hardly ever ends a sentence.
func translated(name, what string, width int) workload {
	return workload{
		Workload: workloads.Workload{
			Name: name, What: what + ", GRU and additive attention, nothing trained", Forward: true,
			Full: workloads.Size{Batch: 64, Steps: 16, In: 256, Hidden: 256, Layers: 1, Source: 8000, Target: 8000},
			Tiny: workloads.Size{Batch: 3, Steps: 4, In: 5, Hidden: 6, Layers: 1, Source: 30, Target: 40},
			FLOP: func(s workloads.Size) float64 {
				l, e, h, rows := s.Steps, s.In, s.Hidden, s.Batch*width
				read := s.Batch * (l*(2*3*h*(e+h)+2*h*h) + 2*h*h)
				step := rows * (3*h*(e+h) + h*h + l*3*h + 3*h*h + h*s.Target)
				return 2 * float64(read+longest(s)*step)
			},
		},
		torch: []string{"batched"},
		decode: func(s workloads.Size, d tape.Device) (decoder, error) {
			return newTranslator(s, d, decode.Beam{Width: width, MaxLength: longest(s), WithoutWeights: true})
		},
	}
}

func longest(s workloads.Size) int { return s.Steps * 3 / 2 }

// unused is how models would be trained.
var unused = trainer.Training{Optimizer: optim.DefaultAdam}

// checksum is a whole number from 1 to 8191 which tells sequences of tokens apart.
func checksum(tokens []int32) float64 {
	sum := int32(0)
	for _, t := range tokens {
		sum = (sum*31 + t) % 8191
	}
	return float64(1 + sum)
}

// withInputs are tensors and inputs of integers for a file that another contender reads.
func withInputs(weights []graph.Tensor, inputs ...checkpoint.Tensor) []checkpoint.Tensor {
	var all []checkpoint.Tensor
	for _, t := range weights {
		all = append(all, checkpoint.Tensor(t))
	}
	for _, in := range inputs {
		in.Name = "in/" + in.Name
		all = append(all, in)
	}
	return all
}

func integer(name string, n int) checkpoint.Tensor {
	return checkpoint.Tensor{Name: name, Shape: []int{1}, Data: []int32{int32(n)}}
}

// writer writes characters.
type writer struct {
	*trainer.LM
	model models.LMConfig
	steps int
}

func newWriter(s workloads.Size, device tape.Device) (decoder, error) {
	c := models.LMConfig{Vocab: s.Target, Cell: models.CellConfig{Kind: "lstm"}, Embed: s.In, Hidden: s.Hidden,
		Layers: s.Layers}
	m, err := trainer.NewLM(trainer.LMConfig{Model: c, Seq: 1, Batch: 1, Device: device, Training: unused})
	if err != nil {
		return nil, err
	}
	return &writer{m, c, s.Steps}, nil
}

func (w *writer) tensors() ([]checkpoint.Tensor, error) {
	weights, err := w.Params()
	return withInputs(weights, integer("steps", w.steps)), err
}

// export implements exporter.
func (w *writer) export(to io.Writer) error {
	params, err := w.Params()
	if err != nil {
		return err
	}
	weights := map[string][]float32{}
	for _, t := range params {
		weights[t.Name] = t.Data.([]float32)
	}
	_, err = exchange.Model{Config: w.model, Weights: weights}.Write(to, exchange.Parts(w.model)[0])
	return err
}

func (w *writer) Step() error { return w.write(func(int32, float32) {}) }

func (w *writer) Measure() (mean, sum float64, err error) {
	var tokens []int32
	err = w.write(func(token int32, logit float32) {
		tokens, mean = append(tokens, token), mean+float64(logit)/float64(w.steps)
	})
	return mean, checksum(tokens), err
}

// write writes the likeliest characters from a state of zero on, and gives each with its logit.
func (w *writer) write(each func(token int32, logit float32)) error {
	if err := w.ResetSample(); err != nil {
		return err
	}
	token := int32(0)
	for range w.steps {
		logits, err := w.Next(token)
		if err != nil {
			return err
		}
		token = 0
		for i, x := range logits {
			if x > logits[token] {
				token = int32(i)
			}
		}
		each(token, logits[token])
	}
	return nil
}

// translator translates a batch of sentences.
type translator struct {
	*trainer.Seq2Seq
	size   workloads.Size
	source []int32 // S×B
	beam   decode.Beam
}

func newTranslator(s workloads.Size, device tape.Device, beam decode.Beam) (decoder, error) {
	m, err := trainer.NewSeq2Seq(trainer.Seq2SeqConfig{
		Model: models.Seq2SeqConfig{
			Source: s.Source, Target: s.Target, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"},
			Embed: s.In, Hidden: s.Hidden, Layers: s.Layers, Bidirectional: true, Attention: models.Additive{},
		},
		TeacherForcing: 1, Device: device, Training: unused,
	})
	if err != nil {
		return nil, err
	}
	t := &translator{Seq2Seq: m, size: s, source: make([]int32, s.Steps*s.Batch), beam: beam}
	random := rand.New(rand.NewPCG(3, 4))
	const reserved = 4
	for row := range s.Batch {
		length := s.Steps - row%(s.Steps/2+1)
		for k := range length {
			t.source[k*s.Batch+row] = reserved + random.Int32N(int32(s.Source-reserved))
		}
		t.source[(length-1)*s.Batch+row] = models.DefaultTokens.End
	}
	return t, nil
}

func (t *translator) tensors() ([]checkpoint.Tensor, error) {
	weights, err := t.Params()
	return withInputs(weights,
		checkpoint.Tensor{Name: "source", Shape: []int{t.size.Steps, t.size.Batch}, Data: t.source},
		integer("width", t.beam.Width), integer("longest", t.beam.MaxLength)), err
}

func (t *translator) Step() error {
	_, err := t.Search(t.source, t.size.Batch, t.beam)
	return err
}

func (t *translator) Measure() (mean, sum float64, err error) {
	written, err := t.Search(t.source, t.size.Batch, t.beam)
	var tokens []int32
	for _, best := range written {
		tokens, mean = append(tokens, best[0].Tokens...), mean+best[0].LogProb
	}
	return mean / float64(len(tokens)), checksum(tokens), err
}
