package optim

import "math"

// Schedule is how the learning rate changes while a model learns: a factor for each training step, counted from 0.
type Schedule func(step int) float64

// Constant is 1.
func Constant() Schedule { return func(int) float64 { return 1 } }

// StepDecay is factor^⌊step/every⌋.
func StepDecay(every int, factor float64) Schedule {
	return func(step int) float64 { return math.Pow(factor, float64(step/every)) }
}

// Linear goes from 1 to least in so many steps, and stays there:
//
//	1 - (1 - least) min(step/steps, 1)
func Linear(steps int, least float64) Schedule {
	return func(step int) float64 { return 1 - (1-least)*part01(step, steps) }
}

// Cosine goes from 1 to least in so many steps along half a period of the cosine (Loshchilov and Hutter, 2017),
// and stays there:
//
//	least + (1 - least) (1 + cos(π min(step/steps, 1))) / 2
func Cosine(steps int, least float64) Schedule {
	return func(step int) float64 { return least + (1-least)*(1+math.Cos(math.Pi*part01(step, steps)))/2 }
}

func part01(step, steps int) float64 { return min(float64(step)/float64(steps), 1) }

// InverseSqrt rises to 1 in so many steps, at least 1, and then falls with the square root: the schedule of
// Vaswani et al. (2017), eq. 3, whose largest rate is the learning rate. At t = step + 1
//
//	min(t/warmup, √(warmup/t))
func InverseSqrt(warmup int) Schedule {
	n := float64(warmup)
	return func(step int) float64 {
		t := float64(step + 1)
		return min(t/n, math.Sqrt(n/t))
	}
}

// Warmup is (step+1)/steps in the first steps, and then another schedule, from its beginning.
func Warmup(steps int, then Schedule) Schedule {
	return func(step int) float64 {
		if step < steps {
			return float64(step+1) / float64(steps)
		}
		return then(step - steps)
	}
}

// Plateau multiplies the learning rate by Factor, down to Least of what it was, when a score has not become
// smaller for more than Patience measurements in a row. Best, Bad and Reduced are all of its state.
type Plateau struct {
	Factor   float64 `json:"-"`
	Patience int     `json:"-"`
	Least    float64 `json:"-"`

	Best    *float64 `json:"best"`    // the smallest score; nil: none yet
	Bad     int      `json:"bad"`     // how many scores in a row were not smaller
	Reduced *float64 `json:"reduced"` // the factor of the learning rate; nil: 1
}

// Rate is the factor of the learning rate.
func (p *Plateau) Rate() float64 {
	if p.Reduced == nil {
		return 1
	}
	return *p.Reduced
}

// Observe takes a score, the smaller the better.
func (p *Plateau) Observe(score float64) {
	if p.Best == nil || score < *p.Best {
		p.Best, p.Bad = &score, 0
		return
	}
	p.Bad++
	if p.Bad > p.Patience {
		rate := max(p.Rate()*p.Factor, min(p.Least, p.Rate()))
		p.Reduced, p.Bad = &rate, 0
	}
}
