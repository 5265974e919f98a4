package run

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
)

// SeriesModel is what a configuration says of a model that reads series of numbers: a classifier or a regressor.
type SeriesModel struct {
	Inputs series.Features `yaml:"inputs"`          // how values become inputs; the data complete it
	Noise  float64         `yaml:"noise,omitempty"` // deviation of the numbers that are added to the inputs in training, which are about 1
}

// check says what is wrong with the settings; whole says that the data have completed them.
func (s *SeriesModel) check(whole bool) error {
	f := s.Inputs
	if !whole { // what the data say counts as right
		f.Channels, f.Means, f.Deviations = 1, []float64{0}, []float64{1}
	}
	if err := f.Check(); err != nil {
		return (&Config{}).ownWords(err)
	}
	if !(s.Noise >= 0 && s.Noise <= 1e6) {
		return settings("`noise` is %g: it must be at least 0", s.Noise)
	}
	return nil
}

// lacksSeries says what is wrong with what a config.yaml says of series; "" if nothing is, or it says nothing.
func (m *Model) lacksSeries() string {
	if m.Series == nil {
		return ""
	}
	if err := m.Series.check(true); err != nil {
		return err.Error()
	}
	if m.Input != m.Series.Inputs.Size() {
		return "`input` is not the size of the inputs"
	}
	return ""
}

// newSeries gives a configuration a SeriesModel of its own.
func (c *Config) newSeries() {
	own := SeriesModel{}
	if c.Model.Series != nil {
		own = *c.Model.Series
		own.Inputs.Means, own.Inputs.Deviations = slices.Clone(own.Inputs.Means), slices.Clone(own.Inputs.Deviations)
	}
	c.Model.Series = &own
}

// fitSeries completes the model by the cases that it learns from. One that begins with the model of a run has
// its inputs.
func (c *Config) fitSeries(cases *series.Cases, which []int32) (notes []string, err error) {
	m := &c.Model
	if c.From == nil {
		c.newSeries()
		some := make([]series.Case, len(which))
		for i, w := range which {
			some[i] = cases.Cases[w]
		}
		if err := m.Series.Inputs.Fit(cases.Channels, some); err != nil {
			return nil, c.ownWords(err)
		}
		m.Embed, m.Tokens, m.MinFreq, m.Normalize = 0, "", 0, ""
		m.Input = m.Series.Inputs.Size()
	}
	return known(m.Series.missing(cases)), nil
}

// missing says what becomes of the missing values of cases; "" if none is missing.
func (s *SeriesModel) missing(cases *series.Cases) string {
	if cases.Missing() == 0 {
		return ""
	}
	how := map[string]string{
		series.MissingMask: "the value before stands for each, and a number more for each channel says whether a " +
			"value is there",
		series.MissingCarry: "the value before stands for each",
	}
	return cases.Name + ": " + words.Count(cases.Missing(), "value is", "values are") + " missing: " + how[s.Inputs.Missing]
}

// Notes say what was taken for what in series that the model of the run is to read, and what becomes of values
// that are missing.
func (r *Run) Notes(cases *series.Cases) []string {
	return append(slices.Clone(cases.Notes), known(r.config.Model.Series.missing(cases))...)
}

// describe says in words what a model reads.
func (s *SeriesModel) describe() string {
	f := &s.Inputs
	text := words.Count(f.Channels, "channel", "channels")
	if f.Differences {
		text += " and their changes"
	}
	if f.Missing == series.MissingMask {
		text += ", and what is there"
	}
	if f.Patch > 1 {
		text += ", " + words.Count(f.Patch, "value", "values") + " a step"
	}
	return "series of " + text + ", scaled by " + cmp.Or(f.Scale, series.ScaleChannel)
}

// caseInputs are series as a model reads them.
type caseInputs struct {
	vectors [][]float32 // by the number of the case: T×I; nil of one that is not in use
	size    int         // I
}

// caseInputs makes inputs of some of the cases of a file.
func (c *Config) caseInputs(cases *series.Cases, which []int32) (*caseInputs, error) {
	if c.Model.Series == nil {
		return nil, badData("%s holds series, and the model reads %s: use other data", cases.Name, c.Model.reads())
	}
	f := &c.Model.Series.Inputs
	if cases.Channels != f.Channels {
		return nil, badData("%s holds series of %s, and the model reads %s: use other data", cases.Name,
			words.Count(cases.Channels, "channel", "channels"), c.Model.reads())
	}
	x := &caseInputs{vectors: make([][]float32, len(cases.Cases)), size: f.Size()}
	for _, i := range which {
		one := &cases.Cases[i]
		x.vectors[i] = make([]float32, f.Steps(one)*x.size)
		if err := f.Fill(one, x.vectors[i]); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// reads says what the model reads.
func (m *Model) reads() string {
	if m.Series != nil {
		return "those of " + words.Count(m.Series.Inputs.Channels, "channel", "channels")
	}
	return m.kindRead()
}

// length is for a plan.
func (x *caseInputs) length(i int32) (batches.Shape, error) {
	return batches.Shape{Source: len(x.vectors[i]) / x.size}, nil
}

// fill makes a batch, and counts its steps without padding. There is a mask if a series ends before the others.
func (x *caseInputs) fill(g batches.Group) (s trainer.Sequences, read int) {
	n := len(g.Examples)
	s = trainer.Sequences{Steps: g.Source, Batch: n, Vectors: make([]float32, g.Source*n*x.size)}
	mask, ends := make([]float32, g.Source*n), false
	for b, i := range g.Examples {
		if i < 0 {
			continue
		}
		vectors := x.vectors[i]
		steps := len(vectors) / x.size
		for t := range steps {
			copy(s.Vectors[(t*n+b)*x.size:][:x.size], vectors[t*x.size:])
			mask[t*n+b] = 1
		}
		read, ends = read+steps, ends || steps < g.Source
	}
	if ends {
		s.Mask = mask
	}
	return s, read
}

// addNoise adds numbers of the normal distribution to the inputs of a step: the same for the same seed and step.
func (s *SeriesModel) addNoise(vectors []float32, seed uint64, step int) {
	if s == nil || s.Noise == 0 {
		return
	}
	random := rand.New(rand.NewPCG(seed^0x6e6f697365, uint64(step)))
	s.Inputs.Noise(vectors, func() float64 { return s.Noise * random.NormFloat64() })
}

// readCases reads a file of cases.
func readCases(s *Source) (*series.Cases, error) {
	var o series.Options
	if s.Series != nil {
		o = *s.Series
	}
	return series.ReadCases(s.Paths[0], o)
}

// casesSource is the source of cases that were read already.
func casesSource(x *series.Cases) (*Source, error) {
	paths, err := absolute([]string{x.Name})
	return &Source{Kind: KindSeries, Paths: paths, SHA256: x.SHA256}, err
}

// takeSeries gives the model of a run in dir, which another begins with, what that one has of its own: noise
// and loss. How values become inputs must be the same, where it is said.
func (m *Model) takeSeries(own *Model, dir string) error {
	if own.Series == nil || m.Series == nil {
		return nil
	}
	mine, theirs := own.Series.Inputs, m.Series.Inputs
	for _, x := range []struct {
		name      string
		said      bool
		here, has any
	}{
		{"patch", mine.Patch > 1, mine.Patch, max(theirs.Patch, 1)},
		{"scale", mine.Scale != "", mine.Scale, cmp.Or(theirs.Scale, series.ScaleChannel)},
		{"missing", mine.Missing != "", mine.Missing, theirs.Missing},
		{"differences", mine.Differences, mine.Differences, theirs.Differences},
	} {
		if x.said && x.here != x.has {
			return settings("`%s` is %v, and the model of %s has %v: leave it out, for the model comes from there", x.name,
				x.here, dir, x.has)
		}
	}
	with := *m.Series
	with.Noise = own.Series.Noise
	m.Series = &with
	if m.Number != nil && own.Number != nil {
		number := *m.Number
		number.Loss = own.Number.Loss
		m.Number = &number
	}
	return nil
}

// kindRead is the kind of what the model reads.
func (m *Model) kindRead() string {
	switch {
	case m.Vocab > 0:
		return "texts"
	case m.Series != nil:
		return "series"
	}
	return "images"
}
