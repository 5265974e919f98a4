package collective

import (
	"math"
	"time"
)

// Cost is what a sum of a gradient over processes costs, by the usual model (Thakur, Rabenseifner and Gropp, 2005): of M
// bytes over N processes
//
//	T = 2 ⌈log₂ N⌉ α + 2 (N-1)/N M/B
type Cost struct {
	Latency   time.Duration // α: of a message
	Bandwidth float64       // B: bytes a second
}

// terms are what α and 1/B are multiplied by.
func terms(n, bytes int) (messages, moved float64) {
	return 2 * math.Ceil(math.Log2(float64(n))), 2 * float64(n-1) / float64(n) * float64(bytes)
}

// Time is that of a sum over n processes.
func (c Cost) Time(n, bytes int) time.Duration {
	messages, moved := terms(n, bytes)
	if n < 2 {
		return 0
	}
	return time.Duration(messages*float64(c.Latency) + moved/c.Bandwidth*float64(time.Second))
}

// Timing is how long a sum of so many bytes took.
type Timing struct {
	Bytes int
	Took  time.Duration
}

// Fit is the cost that explains timings of n processes best: the sum of the squares of the relative errors is the
// smallest. Both numbers are at least as large as can be told from 0.
func Fit(n int, timings []Timing) Cost {
	var aa, ab, bb, at, bt float64
	for _, x := range timings {
		t := x.Took.Seconds()
		a, b := terms(n, x.Bytes)
		a, b = a/t, b/t
		aa, ab, bb, at, bt = aa+a*a, ab+a*b, bb+b*b, at+a, bt+b
	}
	det := aa*bb - ab*ab
	alpha, inverse := (at*bb-bt*ab)/det, (bt*aa-at*ab)/det
	return Cost{time.Duration(max(alpha, 1e-9) * float64(time.Second)), 1 / max(inverse, 1e-15)}
}

// Work is the training that is to be spread.
type Work struct {
	Step     time.Duration // of one process, for its part of a batch
	Gradient int           // bytes
	Epoch    int           // steps of a pass over the data with one process; 0: not known
}

// Prediction is what n processes would make of it.
type Prediction struct {
	Processes  int
	Sum        time.Duration // the time of a step that is waiting
	Efficiency float64       // of the time of a step, the part that computes
	Epoch      int           // steps of a pass over the data; 0: not known
}

// few is how many steps a pass over the data should have at least: with fewer, a batch is so large a part of the data that
// more processes train less, not faster.
const few = 100

// TooFew says whether the data are too few for so large a batch.
func (p Prediction) TooFew(w Work) bool { return w.Epoch > 0 && p.Epoch < few && p.Processes > 1 }

// most is the largest number of processes that is predicted.
const most = 1024

// Predict is for 1, 2, 4, ..., 1,024 processes.
func (c Cost) Predict(w Work) (all []Prediction) {
	for n := 1; n <= most; n *= 2 {
		p := Prediction{Processes: n, Sum: c.Time(n, w.Gradient), Epoch: w.Epoch / n}
		p.Efficiency = w.Step.Seconds() / (w.Step + p.Sum).Seconds()
		all = append(all, p)
	}
	return all
}
