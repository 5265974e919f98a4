package tasks

import "math/rand/v2"

// Adding is the adding problem (Hochreiter and Schmidhuber, 1997), with the numbers of Le, Jaitly and Hinton (2015): a sequence of
// numbers, two of which are marked, one in each half, and whose sum is to be given at the end. It needs a memory over about half
// of the steps. To answer 1 always has a mean squared error of 1/6.
//
//	x_t = (u_t, m_t)    u_t ~ U[0, 1), m_t is 1 for the two marked steps and 0 elsewhere
//	y = Σ u_t·m_t
type Adding struct {
	Seed  uint64
	Steps int // T, at least 2
}

// Fill writes examples as a batch: x is T×B×2, y is B. Example i depends on Seed, Steps and i alone.
func (a Adding) Fill(examples []int32, x, y []float32) {
	batch := len(examples)
	for b, i := range examples {
		random := rand.New(rand.NewPCG(a.Seed, uint64(i)))
		half := a.Steps / 2
		first, second := random.IntN(half), half+random.IntN(a.Steps-half)
		y[b] = 0
		for t := range a.Steps {
			u := random.Float32()
			at := (t*batch + b) * 2
			x[at], x[at+1] = u, 0
			if t == first || t == second {
				x[at+1] = 1
				y[b] += u
			}
		}
	}
}
