package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Of sequences that have ended a model in use multiplies nothing more, whatever its cell is: all of its products but that
// of the output say which rows are needed. What it says, and what a training step makes of the weights, has the bits that
// it has on a device that computes all rows.
func TestEndedSequences(t *testing.T) {
	const steps, batch = 6, 5
	random := rand.New(rand.NewPCG(1, 2))
	x := Sequences{Steps: steps, Batch: batch, Tokens: make([]int32, steps*batch), Mask: make([]float32, steps*batch)}
	for b, n := range []int{6, 4, 0, 1, 4} {
		for s := range n {
			x.Tokens[s*batch+b], x.Mask[s*batch+b] = int32(random.IntN(7)), 1
		}
	}
	for i, cell := range models.Cells {
		pooling := models.Poolings[i]
		config := models.ClassifierConfig{
			Vocab: 7, Embed: 4, Cell: models.CellConfig{Kind: cell}, Hidden: 8, Layers: 2, Bidirectional: i > 0,
			Classes: 3, Pooling: pooling,
		}
		var before, after [][][]float64
		for _, d := range []tape.Device{cpu.New(cpu.Threads(1)), wholeRows{cpu.New(cpu.Threads(1))}} {
			m, err := NewClassifier(ClassifierConfig{
				Model: config, Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1}, Device: d,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			say := func() [][]float64 {
				ln, err := Classifiers{m}.LogProbs(x)
				if err != nil {
					t.Fatal(err)
				}
				return ln
			}
			before = append(before, say())
			for _, p := range m.predict {
				if all, some := products(p.Tape().Code); all != 1 || some < 4 {
					t.Errorf("%s, %s: %d products in use need all rows, %d some", cell, pooling, all, some)
				}
			}
			for step := range 3 {
				if _, _, err := m.Train(x, make([]int32, batch), []float32{1, 1, 1, 1, 1}, step, 0.1); err != nil {
					t.Fatal(err)
				}
			}
			after = append(after, say())
		}
		for _, said := range [][][][]float64{before, after} {
			if diff := cmp.Diff(said[1], said[0]); diff != "" {
				t.Errorf("%s, %s: what is not needed counts: %s", cell, pooling, diff)
			}
		}
		if cmp.Equal(before[0], after[0]) {
			t.Errorf("%s, %s: the weights have not changed", cell, pooling)
		}
	}
}

// wholeRows is a device whose products compute all rows.
type wholeRows struct{ tape.Device }

func (d wholeRows) Load(t *tape.Tape) (tape.Program, error) {
	var all func(code []tape.Instr) []tape.Instr
	all = func(code []tape.Instr) (whole []tape.Instr) {
		for _, in := range code {
			switch x := in.(type) {
			case *tape.Loop:
				in = &tape.Loop{Trip: x.Trip, Body: all(x.Body)}
			case *tape.Product:
				p := *x
				p.Need = nil
				in = &p
			}
			whole = append(whole, in)
		}
		return whole
	}
	whole := *t
	whole.Code = all(t.Code)
	return d.Device.Load(&whole)
}

// products are how many need all rows, and how many do not.
func products(code []tape.Instr) (all, some int) {
	for _, in := range code {
		switch in := in.(type) {
		case *tape.Loop:
			a, s := products(in.Body)
			all, some = all+a, some+s
		case *tape.Product:
			if in.Need == nil {
				all++
			} else {
				some++
			}
		}
	}
	return all, some
}
