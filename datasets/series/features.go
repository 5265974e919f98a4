package series

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Features say how the values of a case become the vectors that a model reads: numbers of about 1, one vector
// for each step or for each patch of steps.
type Features struct {
	Channels int `yaml:"channels"`

	// Scale is one of Scales; "" is ScaleChannel.
	Scale string `yaml:"scale,omitempty"`

	// Means and Deviations are those of each channel of the cases that a model learns from.
	Means      []float64 `yaml:"means,flow,omitempty"`
	Deviations []float64 `yaml:"deviations,flow,omitempty"`

	// Differences adds the change of each channel since the step before.
	Differences bool `yaml:"differences,omitempty"`

	// Missing says what stands for a value that is missing: one of Missings; "": see Fit.
	Missing string `yaml:"missing,omitempty"`

	// Patch is how many steps are one vector; 0 is 1. Where the steps are no multiple of it, the first vector
	// begins with zeros.
	Patch int `yaml:"patch,omitempty"`
}

// What Features.Scale may be.
const (
	// less the mean of its channel, divided by the deviation: those of the cases that the model learns from
	ScaleChannel = "channel"
	// the same with the mean and the deviation of the series itself, so that its level and size mean nothing
	ScaleSeries = "series"
	ScaleNone   = "none" // as it is
)

// What Features.Missing may be, besides "".
const (
	// the value before, and for each channel a number more: 1 where a value is there, 0 where it is missing
	MissingMask  = "mask"
	MissingCarry = "carry" // the value before
)

// Scales and Missings are the ways there are.
var (
	Scales   = []string{ScaleChannel, ScaleSeries, ScaleNone}
	Missings = []string{MissingMask, MissingCarry}
)

// maxPatch is the most steps of a patch.
const maxPatch = 1 << 16

// Check says what is wrong with features that Fit has completed.
func (f *Features) Check() error {
	if err := cmp.Or(
		setting.AtLeast("Channels", f.Channels, 1), setting.AtLeast("Patch", f.Patch, 0),
		setting.OneOf("Scale", cmp.Or(f.Scale, ScaleChannel), Scales),
		setting.OneOf("Missing", cmp.Or(f.Missing, MissingCarry), Missings),
	); err != nil {
		return err
	}
	switch {
	case f.Patch > maxPatch:
		return &setting.Error{Setting: "Patch", Value: f.Patch, Want: fmt.Sprintf("at most %d", maxPatch)}
	case len(f.Means) != f.Channels || len(f.Deviations) != f.Channels:
		return &setting.Error{Setting: "Means", Value: len(f.Means),
			Want: fmt.Sprintf("%d numbers, and as many Deviations: one of each channel", f.Channels)}
	}
	for c, m := range f.Means {
		if d := f.Deviations[c]; !isFinite(m) || !isFinite(d) || d <= 0 {
			return &setting.Error{Setting: "Deviations", Value: d,
				Want: fmt.Sprintf("greater than 0, and the mean %g finite", m)}
		}
	}
	return nil
}

func isFinite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// Fit takes from cases what the features lack: the channels, their means and deviations and, if Missing is "",
// MissingMask if a value is missing and else MissingCarry.
func (f *Features) Fit(channels int, cases []Case) error {
	if err := setting.AtLeast("Channels", channels, 1); err != nil {
		return err
	}
	f.Channels, f.Means, f.Deviations = channels, make([]float64, channels), make([]float64, channels)
	missing := false
	for c := range channels {
		var all statistics
		for _, x := range cases {
			if len(x.Values) != channels {
				return &setting.Error{Setting: "Channels", Value: channels, Want: fmt.Sprintf("the %d of each case", len(x.Values))}
			}
			all.add(x.Values[c])
		}
		f.Means[c], f.Deviations[c] = all.mean, all.deviation()
		missing = missing || all.missing
	}
	if f.Missing == "" {
		f.Missing = MissingCarry
		if missing {
			f.Missing = MissingMask
		}
	}
	return f.Check()
}

// statistics are the mean and the squared deviations of numbers (Welford, 1962).
type statistics struct {
	n       int
	mean    float64
	squares float64
	missing bool
}

func (m *statistics) add(values []float64) {
	for _, x := range values {
		if math.IsNaN(x) {
			m.missing = true
			continue
		}
		m.n++
		d := x - m.mean
		m.mean += d / float64(m.n)
		m.squares += d * (x - m.mean)
	}
}

// deviation is the standard deviation; 1 of numbers that are all the same.
func (m *statistics) deviation() float64 {
	d := math.Sqrt(m.squares / float64(max(m.n, 1)))
	if !isFinite(d) || d == 0 || d < 1e-12*math.Abs(m.mean) {
		return 1
	}
	return d
}

// kinds are how many numbers a step has for each channel.
func (f *Features) kinds() int {
	n := 1
	if f.Differences {
		n++
	}
	if f.Missing == MissingMask {
		n++
	}
	return n
}

// patch is how many steps are one vector.
func (f *Features) patch() int { return max(f.Patch, 1) }

// Size is how many numbers a vector has.
func (f *Features) Size() int { return f.patch() * f.Channels * f.kinds() }

// Steps is how many vectors a case becomes.
func (f *Features) Steps(c *Case) int { return (c.Len() + f.patch() - 1) / f.patch() }

// Fill writes the vectors of a case, Steps×Size: for each step of a patch all channels, their changes, and what
// is there.
func (f *Features) Fill(c *Case, to []float32) error {
	if err := f.Check(); err != nil {
		return err
	}
	if c == nil || len(c.Values) != f.Channels ||
		slices.ContainsFunc(c.Values, func(v []float64) bool { return len(v) != c.Len() }) {
		return fmt.Errorf("no case of %d channels of one length", f.Channels)
	}
	if len(to) != f.Steps(c)*f.Size() {
		return fmt.Errorf("room for %d numbers, the inputs are %d", len(to), f.Steps(c)*f.Size())
	}
	width := f.Channels * f.kinds()
	clear(to)
	to = to[f.Steps(c)*f.Size()-c.Len()*width:] // what is before it belongs to a patch that is not full
	for channel, values := range c.Values {
		mean, deviation := f.scale(channel, values)
		before := 0.0 // in units of the deviation; of nothing the mean
		for t, x := range values {
			at := to[t*width:][:width]
			there := !math.IsNaN(x)
			now := before
			if there {
				now = (x - mean) / deviation
			}
			at[channel] = float32(now)
			if f.Differences && t > 0 {
				at[f.Channels+channel] = float32(now - before)
			}
			if there && f.Missing == MissingMask {
				at[width-f.Channels+channel] = 1
			}
			before = now
		}
	}
	return nil
}

// scale is what a channel of a case is scaled by.
func (f *Features) scale(channel int, values []float64) (mean, deviation float64) {
	switch f.Scale {
	case ScaleNone:
		return 0, 1
	case ScaleSeries:
		var own statistics
		own.add(values)
		return own.mean, own.deviation()
	}
	return f.Means[channel], f.Deviations[channel]
}

// Noise adds to the vectors of a case what draw gives, but not to what says that values are there.
func (f *Features) Noise(vectors []float32, draw func() float64) {
	width := f.Channels * f.kinds()
	noisy := width
	if f.Missing == MissingMask {
		noisy -= f.Channels
	}
	for i := range vectors {
		if i%width < noisy {
			vectors[i] += float32(draw())
		}
	}
}
