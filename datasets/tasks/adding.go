package tasks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets/series"
)

// Adding is the adding problem (Hochreiter and Schmidhuber, 1997), with the numbers of Le, Jaitly and Hinton
// (2015): a sequence of numbers, two of which are marked, one in each half, and whose sum is to be given at the
// end. It needs a memory over about half of the steps. To answer 1 always has a mean squared error of 1/6.
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

// addingName is the task of the adding problem, and addingSteps its steps unless the name says others, as in adding-50.
const (
	addingName  = "adding"
	addingSteps = 200
	mostSteps   = 1e5
)

// addingOf is the number of steps that a name of the task says; false: it is none.
func addingOf(name string) (steps int, ok bool) {
	if name == addingName {
		return addingSteps, true
	}
	digits, ok := strings.CutPrefix(name, addingName+"-")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 2 && n <= mostSteps
}

// NumberTasks are the names of the tasks on series and a number each, which Numbers knows; a number of steps
// may follow, as in adding-50.
var NumberTasks = []string{addingName}

// Numbers makes the data of a task, none of those to train on among those to measure on. Config.Longest is the
// number of steps, and 0 is what the name says.
//
//	adding      200 steps of two channels, see Adding; adding-50: of 50
func Numbers(task string, c Config) (train, valid *series.Cases, err error) {
	steps, ok := addingOf(task)
	if c.Longest != 0 {
		steps = c.Longest
	}
	switch {
	case !ok:
		return nil, nil, fmt.Errorf("there is no task %q on series; there is %s, of %d steps, or with a number from 2 to "+
			"%d as in %s-50", task, addingName,
			addingSteps, int(mostSteps), addingName)
	case c.Train < 1 || c.Valid < 1 || steps < 2 || steps > mostSteps:
		return nil, nil, fmt.Errorf("%d examples to train on and %d to measure on, %d long: there must be at least one of "+
			"each, of 2 to %d steps",
			c.Train, c.Valid, c.Longest, int(mostSteps))
	}
	a := Adding{Seed: c.Seed, Steps: steps}
	return a.cases("task "+task, c.Valid, c.Train), a.cases("task "+task+", validation", 0, c.Valid), nil
}

// cases are n examples, from a number on.
func (a Adding) cases(name string, from, n int) *series.Cases {
	c := &series.Cases{Name: name, Channels: 2, Regression: true, Cases: make([]series.Case, n)}
	sum := sha256.New()
	x, y := make([]float32, 2*a.Steps), make([]float32, 1)
	for i := range c.Cases {
		a.Fill([]int32{int32(from + i)}, x, y)
		binary.Write(sum, binary.LittleEndian, x)
		values := [][]float64{make([]float64, a.Steps), make([]float64, a.Steps)}
		for t := range a.Steps {
			values[0][t], values[1][t] = float64(x[2*t]), float64(x[2*t+1])
		}
		c.Cases[i] = series.Case{Values: values, Number: float64(y[0])}
	}
	c.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return c
}
