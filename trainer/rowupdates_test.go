package trainer

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// touches says which instructions of a program go through as many numbers as a table has.
func touches(code []tape.Instr, numbers int) (all []tape.Instr) {
	for _, in := range code {
		n := 0
		switch in := in.(type) {
		case *tape.Map:
			n = tensor.Shape(in.Shape).TotalSize()
		case *tape.Copy:
			n = tensor.Shape(in.Shape).TotalSize()
		case *tape.Reduce:
			n = in.Outer * in.N * in.Inner
		case *tape.ScatterAdd:
			n = in.Rows * in.Width
		case *tape.Loop:
			all = append(all, touches(in.Body, numbers)...)
		}
		if n >= numbers {
			all = append(all, in)
		}
	}
	return all
}

// A training step with updates of rows goes through no embedding, nor through the last layer of a sampled softmax.
func TestRowUpdatesTouchNoTable(t *testing.T) {
	const many, embed = 5000, 8
	training := Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1, RowUpdates: true}
	for name, c := range map[string]models.LMConfig{
		"adaptive":      {Softmax: models.Softmax{Cutoffs: []int{10, 50}}},
		"sampled":       {Softmax: models.Softmax{Samples: 6}},
		"sampled, tied": {Softmax: models.Softmax{Samples: 6}, Tied: true},
	} {
		c.Vocab, c.Cell, c.Hidden, c.Layers, c.Embed = many, models.CellConfig{Kind: "lstm"}, 8, 1, embed
		m, err := NewLM(LMConfig{Model: c, Seq: 3, Batch: 2, Training: training, Device: cpu.New()})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, _, err := m.Train([]int32{1, 2, 3, 1, 2, 3}, []int32{2, 3, 1, 4, 99, 0}, 0, 0.1); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.train {
			for _, in := range touches(p.Tape().Code, many*embed) {
				t.Errorf("language model, %s: %v", name, in)
			}
		}
	}
	for name, s := range map[string]models.Softmax{"adaptive": {Cutoffs: []int{10, 50}}, "sampled": {Samples: 6}} {
		m, err := NewSeq2Seq(Seq2SeqConfig{
			Model: models.Seq2SeqConfig{
				Source: many, Target: many, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"},
				Embed: embed, Hidden: 8, Layers: 1,
				Attention: models.General{}, Softmax: s, Dropout: 0.1,
			},
			TeacherForcing: 1, Training: training, Device: cpu.New(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, _, err := m.Train(reversals(0, 0), 0, 0.1); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.train {
			for _, in := range touches(p.Tape().Code, many*embed) {
				t.Errorf("translator, %s: %v", name, in)
			}
		}
	}
}
