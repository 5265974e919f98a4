package recurrence

import (
	"fmt"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
)

// contenders are the two forms of the model.
var contenders = []struct {
	name  string
	build func(Size) (Trainer, error)
}{
	{"unroll", func(s Size) (Trainer, error) { return NewScanned(s, cpu.New()) }},
	{"stock", func(s Size) (Trainer, error) { return NewStock(s) }},
}

// size is that of the measurements that led to scans: an LSTM of 64 units on 64 inputs, 16 sequences.
func size(steps int) Size { return Size{Steps: steps, Batch: 16, In: 64, Hidden: 64} }

var lengths = []int{16, 64, 256, 512}

// The comparison is fair only if both forms compute the same thing.
func TestSameSteps(t *testing.T) {
	var losses, norms [2][]float64
	for i, c := range contenders {
		m, err := c.build(Size{Steps: 5, Batch: 3, In: 7, Hidden: 9})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			loss, norm, err := m.Measure()
			if err != nil {
				t.Fatal(err)
			}
			losses[i], norms[i] = append(losses[i], loss), append(norms[i], norm)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for k := range losses[0] {
		if a, b := losses[0][k], losses[1][k]; !(math.Abs(a-b) <= 1e-5*math.Abs(b)) {
			t.Errorf("step %d: loss %g, stock Gorgonia %g", k, a, b)
		}
		if a, b := norms[0][k], norms[1][k]; !(math.Abs(a-b) <= 1e-5*math.Abs(b)) {
			t.Errorf("step %d: norm of gradients %g, stock Gorgonia %g", k, a, b)
		}
	}
	if losses[0][4] >= losses[0][0] {
		t.Errorf("the loss does not fall: %v", losses[0])
	}
}

// BenchmarkCompile measures building, differentiating and compiling.
func BenchmarkCompile(b *testing.B) {
	for _, c := range contenders {
		for _, steps := range lengths {
			b.Run(fmt.Sprintf("%s/T=%d", c.name, steps), func(b *testing.B) {
				for b.Loop() {
					m, err := c.build(size(steps))
					if err != nil {
						b.Fatal(err)
					}
					if err := m.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkStep measures one training step: forward, backward, Adam.
func BenchmarkStep(b *testing.B) {
	for _, c := range contenders {
		for _, steps := range lengths {
			b.Run(fmt.Sprintf("%s/T=%d", c.name, steps), func(b *testing.B) {
				m, err := c.build(size(steps))
				if err != nil {
					b.Fatal(err)
				}
				defer m.Close()
				if err := m.Step(); err != nil { // not the first: it touches memory for the first time
					b.Fatal(err)
				}
				for b.Loop() {
					if err := m.Step(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
