package cuda_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// deep is the training of a model whose layers can run side by side: they have steps enough to be cut.
func deep(
	cell string, layers int, dropout float64,
) func(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
	return func(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
		c := models.LMConfig{Vocab: 7, Cell: models.CellConfig{Kind: cell}, Hidden: 4, Layers: layers, Dropout: dropout}
		const seq, batch = 21, 2
		config := trainer.LMConfig{Model: c, Seq: seq, Batch: batch, Device: d}
		config.Seed, config.Optimizer, config.Clip = 3, optim.DefaultAdam, 1
		set(&config.Training, settings)
		m, err := trainer.NewLM(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		k := -1
		return func() (float64, float64, error) {
			k++
			x := make([]int32, seq*batch)
			for i := range x {
				x[i] = int32((i*i + k) % 7)
			}
			return m.Train(x, x, k, 0.01)
		}
	}
}

// little is enough memory for these models and two workspaces.
const little = 1 << 27

var deepModels = []training{
	{"lstm", deep("lstm", 2, 0)},
	{"lstm, 3 layers, dropout", deep("lstm", 3, 0.3)},
	{"gru", deep("gru", 2, 0)},
	{"two directions", classifier},
}

// bitsOf is what some steps of a training give, to the bit. Its memory is given back.
func bitsOf(t *testing.T, c training, gpu driver.GPU, o ...cuda.Option) (bits string) {
	t.Helper()
	t.Run("bits", func(t *testing.T) {
		step := c.open(t, cuda.New(gpu, o...))
		for range 4 {
			loss, norm, err := step()
			if err != nil {
				bits = err.Error()
				return
			}
			bits += fmt.Sprintf("%x %x ", math.Float64bits(loss), math.Float64bits(norm))
		}
	})
	return bits
}

// Layers that run side by side give the bits that they give one after the other, in whatever order the lanes'
// waits for each other allow.
func TestLanes(t *testing.T) {
	for _, c := range deepModels {
		for _, precision := range []driver.Precision{driver.Float32, driver.BFloat16} {
			p := cuda.Precision(precision)
			want := bitsOf(t, c, sim.New(sim.Config{Memory: little, NoCapture: true}), p)
			one := sim.New(sim.Config{Memory: little, OneStream: true})
			if got := bitsOf(t, c, one, p); got != want || one.Stats().GraphLaunches == 0 {
				t.Errorf("%s: in one lane %s, want %s", c.name, got, want)
			}
			for seed := range uint64(6) {
				gpu := sim.New(sim.Config{Memory: little, Strict: true, Shuffle: seed})
				if got := bitsOf(t, c, gpu, p); got != want || gpu.Stats().Streams != 2 || gpu.Stats().BLAS != 2 {
					t.Errorf("%s, seed %d: %s in %d streams, want %s in 2", c.name, seed, got, gpu.Stats().Streams, want)
				}
			}
		}
	}
}

// deaf is a GPU that forgets the n-th wait of one stream for another, and counts kernels.
type deaf struct {
	driver.GPU
	n, waits int
	refused  error                // a capture
	kernels  int                  // of the last capture
	longest  int                  // chain of them
	hasty    bool                 // whatever follows a kernel begins early
	at       map[driver.Event]int // chain of the stream that recorded it
}

type deafStream struct {
	driver.Stream
	gpu   *deaf
	chain int // how many kernels must run one after the other until here
}

func (s *deafStream) Launch(f driver.Function, grid, block driver.Dim, shared int, early bool, args []uint64) error {
	s.gpu.kernels++
	s.chain++
	if s.gpu.hasty && s.Stream.Launch(f, grid, block, shared, true, args) == nil {
		return nil
	}
	return s.Stream.Launch(f, grid, block, shared, early, args)
}

func (s *deafStream) Record(e driver.Event) error {
	s.gpu.at[e] = s.chain
	return s.Stream.Record(e)
}

func (g *deaf) NewStream() (driver.Stream, error) {
	s, err := g.GPU.NewStream()
	return &deafStream{Stream: s, gpu: g}, err
}

func (g *deaf) NewBLAS(s driver.Stream) (driver.BLAS, error) {
	return g.GPU.NewBLAS(s.(*deafStream).Stream)
}

func (s *deafStream) Wait(e driver.Event) error {
	if s.gpu.waits++; s.gpu.waits == s.gpu.n {
		return nil
	}
	s.chain = max(s.chain, s.gpu.at[e])
	return s.Stream.Wait(e)
}

type deafGraph struct{ driver.Graph }

func (g deafGraph) Launch(s driver.Stream) error { return g.Graph.Launch(s.(*deafStream).Stream) }

func (s *deafStream) Capture(f func() error) (driver.Graph, error) {
	s.chain, s.gpu.kernels = 0, 0
	g, err := s.Stream.Capture(f)
	s.gpu.longest = s.chain
	if err != nil {
		s.gpu.refused = err
		return nil, err
	}
	return deafGraph{g}, nil
}

// Each wait counts: without it some order of the work gives other numbers, or memory that nobody has written is
// read, or the lanes do not make a graph.
func TestEachWaitCounts(t *testing.T) {
	c := deepModels[0]
	all := &deaf{GPU: sim.New(sim.Config{Memory: little}), at: map[driver.Event]int{}}
	want := bitsOf(t, c, all)
	if all.waits < 8 {
		t.Fatalf("the lanes wait %d times for each other", all.waits)
	}
	for n := 1; n <= all.waits; n++ {
		found := false
		for seed := uint64(1); seed < 40 && !found; seed++ {
			gpu := &deaf{GPU: sim.New(sim.Config{Memory: little, Strict: true, Shuffle: seed}), n: n, at: map[driver.Event]int{}}
			found = bitsOf(t, c, gpu) != want || gpu.refused != nil
		}
		if !found {
			t.Errorf("nobody misses wait %d of %d", n, all.waits)
		}
	}
}

// Two layers take little more time than one does, forward and backward: with 21 steps in three stretches it is
// two thirds of that of both. Two directions take as much time as one.
func TestLayersRunSideBySide(t *testing.T) {
	for _, c := range deepModels[1:] {
		gpu := &deaf{GPU: sim.New(sim.Config{Memory: little}), at: map[driver.Event]int{}}
		bitsOf(t, c, gpu)
		if t.Logf("%s: a chain of %d in %d kernels", c.name, gpu.longest, gpu.kernels); 4*gpu.longest > 3*gpu.kernels {
			t.Errorf("%s: of %d kernels %d run one after the other", c.name, gpu.kernels, gpu.longest)
		}
	}
}
