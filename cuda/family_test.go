package cuda_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Programs that share memory keep the contract of devices, too, and give all of it back.
func TestSharingDevice(t *testing.T) {
	gpu := sim.New(sim.Config{Shuffle: 1})
	d := cuda.New(gpu)
	devicetest.RunSharer(t, d, tape.Float32)
	closeAll(t, gpu, d)
}

// turning is a tape y += x of n elements by way of memory that only a run needs, some times as much.
func turning(n, times int) *builder {
	b := &builder{}
	x, y := b.floats("x", tape.Input, n), b.floats("y", tape.State, n)
	sum := b.floats("", 0, times*n)
	b.emit(add(sum, x, y, n), add(moved(sum, (times-1)*n), x, y, n),
		&tape.Copy{Shape: []int{n}, In: flat(sum), Out: flat(y)})
	return b
}

// Programs of a family need the memory of the largest, and one y. Where that moves, a captured run is captured
// anew.
func TestFamilyMemory(t *testing.T) {
	const n = 1 << 10
	gpu := sim.New(sim.Config{Strict: true})
	d := cuda.New(gpu)
	family := d.Share(map[string]bool{"y": true})
	var programs []tape.Program
	total := 0
	for _, times := range []int{3, 2, 100, 50} {
		before := gpu.Stats()
		p, err := family.Load(&turning(n, times).Tape)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
		grown := gpu.Stats().Allocated - before.Allocated
		want := int64(4 * n) // x
		switch times {
		case 3:
			want = 4 * n * (1 + 1 + 3) // and y and the block
		case 100:
			want = 4 * n * (1 + 100 - 3)
		}
		if grown < want || grown > want+256 { // and a table
			t.Errorf("a program with %d times as much memory took %d bytes, want %d to %d", times, grown, want, want+256)
		}
		for range 3 {
			for i, p := range programs {
				write(t, p, 0, slices.Repeat([]float32{float32(i + 1)}, n))
				run(t, p)
				total += i + 1
			}
		}
		if got := read(t, p, 1, n); got[0] != float32(total) || got[n-1] != float32(total) {
			t.Errorf("y is %v ... %v, want %d", got[0], got[n-1], total)
		}
	}
	if s := gpu.Stats(); s.Captures != 4+2 {
		t.Errorf("%d runs were captured, want one of each program, and two once more", s.Captures)
	}
	closeAll(t, gpu, d, programs...)
}

// A program that finds no memory leaves its family as it was.
func TestFamilyIsFull(t *testing.T) {
	const n = 1 << 10
	gpu := sim.New(sim.Config{Memory: 200 * n})
	d := cuda.New(gpu)
	family := d.Share(map[string]bool{"y": true})
	p, err := family.Load(&turning(n, 3).Tape)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p, 0, slices.Repeat([]float32{1}, n))
	for range 3 {
		run(t, p)
		var full *driver.MemoryError
		if _, err := family.Load(&turning(n, 100).Tape); !errors.As(err, &full) {
			t.Fatalf("Load gives %v", err)
		}
	}
	if got := read(t, p, 1, n)[0]; got != 3 {
		t.Errorf("y is %v, want 3", got)
	}
	closeAll(t, gpu, d, p)
}

// A slot that another buffer overlaps cannot be shared.
func TestFamilyNeedsSlotsApart(t *testing.T) {
	gpu := sim.New(sim.Config{})
	d := cuda.New(gpu)
	b := turning(8, 2)
	b.Buffers[2].Offset = 0
	if _, err := d.Share(nil).Load(&b.Tape); err == nil {
		t.Error("the input has a buffer over it")
	}
	closeAll(t, gpu, d)
}

// Batches of different shapes train one model: its weights and the optimizer's state stay on the GPU, and go
// neither up nor down.
func TestTrafficOfShapes(t *testing.T) {
	open := func(d tape.Device) func(k int) float64 {
		c := trainer.ClassifierConfig{Device: d}
		c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
		c.Model = models.ClassifierConfig{Vocab: 7, Embed: 4, Hidden: 8, Layers: 1, Dropout: 0.3, Pooling: "mean", Classes: 3}
		c.Model.Cell = models.CellConfig{Kind: "lstm"}
		m, err := trainer.NewClassifier(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return func(k int) float64 {
			rng := rand.New(rand.NewPCG(7, uint64(k)))
			steps, batch := []int{3, 7, 5}[k%3], []int{4, 2}[k%2]
			x := trainer.Sequences{Steps: steps, Batch: batch, Tokens: tokens(rng, 7, steps*batch),
				Mask: slices.Repeat([]float32{1}, steps*batch)}
			loss, _, err := m.Train(x, tokens(rng, 3, batch), slices.Repeat([]float32{1}, batch), k, 0.01)
			if err != nil {
				t.Fatal(err)
			}
			return loss
		}
	}
	gpu := sim.New(sim.Config{})
	got, want := open(cuda.New(gpu)), open(ref.New())
	for k := range 24 { // six shapes, all of which were captured after twelve steps
		before := gpu.Stats()
		g, w := got(k), want(k)
		if d := g/w - 1; d > 1e-5 || d < -1e-5 {
			t.Errorf("step %d: the loss is %v, on the reference device %v", k, g, w)
		}
		if s := gpu.Stats(); k >= 12 && (s.Uploaded-before.Uploaded > 500 || s.Downloaded-before.Downloaded > 16) {
			t.Errorf("step %d: %d bytes went up, %d down", k, s.Uploaded-before.Uploaded, s.Downloaded-before.Downloaded)
		}
	}
}
