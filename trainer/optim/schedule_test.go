package optim

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

// Schedules that PyTorch has, too.
func TestSchedulesArePyTorchs(t *testing.T) {
	golden := readOptim(t)
	for name, s := range map[string]Schedule{
		"step": StepDecay(7, 0.3), "cosine": Cosine(30, 0.1), "linear": Linear(30, 0.1), "warm-up": Warmup(10, Constant()),
	} {
		for step, want := range golden.Schedules[name] {
			if got := s(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s, step %d: %v, want %v", name, step, got, want)
			}
		}
	}
	for name, p := range map[string]*Plateau{
		"plateau": {Factor: 0.5, Patience: 2, Least: 0.1}, "plateau upwards": {Factor: 0.5, Patience: 1},
	} {
		sign := map[string]float64{"plateau": 1, "plateau upwards": -1}[name]
		for step, want := range golden.Schedules[name] {
			if got := p.Rate(); got != want {
				t.Errorf("%s, step %d: %v, want %v", name, step, got, want)
			}
			p.Observe(sign * golden.Scores[step])
			p = reloaded(t, p)
		}
		if golden.Schedules[name][0] == golden.Schedules[name][39] {
			t.Errorf("%s: nothing changes, so this test shows nothing", name)
		}
	}
}

// reloaded is what becomes of a plateau whose state is written and read.
func reloaded(t *testing.T, p *Plateau) *Plateau {
	t.Helper()
	state, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	q := &Plateau{Factor: p.Factor, Patience: p.Patience, Least: p.Least}
	if err := json.Unmarshal(state, q); err != nil {
		t.Fatal(err)
	}
	return q
}

// Values written out by hand.
func TestSchedules(t *testing.T) {
	for name, c := range map[string]struct {
		schedule Schedule
		want     []float64
	}{
		"constant":             {Constant(), []float64{1, 1, 1}},
		"step":                 {StepDecay(2, 0.1), []float64{1, 1, 0.1, 0.1, 0.01}},
		"linear":               {Linear(4, 0), []float64{1, 0.75, 0.5, 0.25, 0, 0}},
		"linear, to a tenth":   {Linear(2, 0.1), []float64{1, 0.55, 0.1, 0.1}},
		"cosine":               {Cosine(4, 0), []float64{1, (1 + math.Sqrt2/2) / 2, 0.5, (1 - math.Sqrt2/2) / 2, 0, 0, 0}},
		"inverse square root":  {InverseSqrt(1), []float64{1, 1 / math.Sqrt2, 1 / math.Sqrt(3), 0.5}},
		"warm-up":              {Warmup(4, Constant()), []float64{0.25, 0.5, 0.75, 1, 1, 1}},
		"warm-up, then linear": {Warmup(2, Linear(2, 0)), []float64{0.5, 1, 1, 0.5, 0, 0}},
	} {
		var got []float64
		for step := range c.want {
			got = append(got, c.schedule(step))
		}
		if !slices.EqualFunc(got, c.want, func(x, y float64) bool { return math.Abs(x-y) < 1e-15 }) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// InverseSqrt is Vaswani et al.'s eq. 3, min(t^-½, t w^-³⁄₂), as a part of the most that it ever is, w^-½.
func TestInverseSqrtIsVaswanis(t *testing.T) {
	const w = 7
	s := InverseSqrt(w)
	for step := range 50 {
		k := float64(step + 1)
		want := min(math.Pow(k, -0.5), k*math.Pow(w, -1.5)) / math.Pow(w, -0.5)
		if got := s(step); math.Abs(got-want) > 1e-15 {
			t.Errorf("step %d: %v, want %v", step, got, want)
		}
	}
}
