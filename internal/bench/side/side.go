// Package side measures devices side by side: every kind of instruction, and the training steps of reference models.
//
// Before anything is timed each device's ceilings are measured: how fast it copies, and how fast it multiplies.
// What is timed is also checked, on a smaller instance, against the reference device.
//
// This package knows devices as package tape does, and no more of them than that.
package side

import (
	"math"
	"slices"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/work"
)

// Side is a device that takes part.
type Side struct {
	tape.Device
	What   string  // "2 threads, avx512"
	Peak   float64 // multiply-adds of float32 in GFLOP/s, measured elsewhere; 0: measured here, with a square product
	Square int     // the size of that product: one that keeps the device busy for a while
	Ceilings
}

// Ceilings are the most that a device was seen to do.
type Ceilings struct {
	Copy    float64 `json:"copy_gb_per_s"`       // bytes read and written
	Product float64 `json:"product_gflop_per_s"` // two for each multiply-add
	Piece   float64 `json:"piece_s,omitempty"`   // of a device that is launched piece by piece: seconds of a small one
}

// Options say how long to measure.
type Options struct {
	Time time.Duration // of each measurement, about
	Tiny bool          // sizes for tests
}

// Result is what was measured, on each side.
type Result struct {
	Bench   string  `json:"bench"` // "kernels" or "models"
	Kind    string  `json:"kind"`
	Name    string  `json:"name"`
	Times   []Time  `json:"times"`
	Speedup float64 `json:"speedup,omitempty"` // the first side's median over the last's; 0: there is one side only
}

// Time is how fast a side was, and how right.
type Time struct {
	Device  string       `json:"device"`
	Median  float64      `json:"median_s"`
	P95     float64      `json:"p95_s"`
	Best    float64      `json:"best_s"`
	Runs    int          `json:"runs"` // that these are of
	GB      float64      `json:"gb_per_s,omitempty"`
	GFLOP   float64      `json:"gflop_per_s,omitempty"`
	Ceiling float64      `json:"of_ceiling,omitempty"` // of that for products if there are any, else of that for copies
	Error   runlog.Float `json:"error"`                // the largest difference from the reference device, relative to the largest number there
	Build   float64      `json:"build_s,omitempty"`    // of a model: differentiation and compilation
	Floor   *Floor       `json:"floor,omitempty"`      // of a model, on a device that is launched piece by piece
}

// Floor is how long a run takes at least for one reason alone, at the device's ceilings, in seconds.
type Floor struct {
	Pieces   int     `json:"pieces"` // that are launched one after the other
	Launches float64 `json:"launches_s"`
	Memory   float64 `json:"memory_s"` // what each instruction reads and writes, as if no cache held any of it
	Products float64 `json:"products_s"`
}

// Most is the largest of these times.
func (f *Floor) Most() float64 { return max(f.Launches, f.Memory, f.Products) }

// A launcher is a device that is launched piece by piece.
type launcher interface {
	Pieces(t *tape.Tape) (int, error)
}

// floor is that of a tape; nil where the device is not launched piece by piece.
func (s *Side) floor(t *tape.Tape) (*Floor, error) {
	l, ok := s.Device.(launcher)
	if !ok {
		return nil, nil
	}
	n, err := l.Pieces(t)
	if err != nil {
		return nil, err
	}
	var all work.Work
	for _, in := range t.Code {
		w := work.Of(t, in)
		all.FLOP, all.Bytes = all.FLOP+w.FLOP, all.Bytes+w.Bytes
	}
	return &Floor{n, float64(n) * s.Piece, all.Bytes / 1e9 / s.Copy, all.FLOP / 1e9 / s.Product}, nil
}

// set fills in what follows from the times of runs that do this work.
func (t *Time) set(all []float64, w work.Work, c Ceilings) {
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	t.Best, t.Median, t.P95, t.Runs = s[0], (s[(n-1)/2]+s[n/2])/2, s[int(math.Ceil(0.95*float64(n)))-1], n
	t.GB, t.GFLOP = w.Bytes/t.Median/1e9, w.FLOP/t.Median/1e9
	if w.FLOP > 0 && c.Product > 0 {
		t.Ceiling = t.GFLOP / c.Product
	} else if c.Copy > 0 {
		t.Ceiling = t.GB / c.Copy
	}
}

// finish compares the sides.
func (r *Result) finish() {
	if n := len(r.Times); n > 1 {
		r.Speedup = r.Times[0].Median / r.Times[n-1].Median
	}
}
