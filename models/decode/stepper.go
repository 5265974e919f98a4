package decode

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/models"
)

// Program is a compiled graph: *graph.Program.
type Program interface {
	Set(input *G.Node, data any) error
	Run() error
	Get(n *G.Node, data any) error
}

// Stepper writes translations step by step. Each source has several rows beside each other, which differ in
// what they have written.
type Stepper interface {
	// Step gives each row one more token to read. Row i goes on from what row parents[i], of the same source,
	// has read so far.
	Step(tokens, parents []int32) (Scores, error)
}

// Narrower is a Stepper that can go on without sources that are done with, so that their rows are not computed in
// vain.
type Narrower interface {
	Stepper

	// Narrow is told the places of the sources that go on, in rising order; source i has the i-th stretch of
	// rows. It gives those that it keeps, all of them and perhaps others, each once: from then on they are
	// sources 0, 1, ... of the rows. nil: it keeps all, in their places.
	Narrow(going []int) (kept []int, err error)
}

// narrow lets a stepper for so many sources keep those that go on, if it can.
func narrow(s Stepper, going []int, sources int) (kept []int, err error) {
	n, can := s.(Narrower)
	if !can || len(going) == sources {
		return nil, nil
	}
	return n.Narrow(going)
}

// checkSources says what is wrong with what a search is for: a stepper at the beginning of sources of the given
// lengths.
func checkSources(s Stepper, lengths []int) error {
	if s == nil || len(lengths) == 0 || slices.Min(lengths) < 0 {
		return errors.Errorf("no stepper for sources of lengths %v: there must be one, and no length may be negative",
			lengths)
	}
	return nil
}

// SourceStepper is the Stepper of a Seq2Seq.
type SourceStepper struct {
	// Fewer, if there is one, gives a stepper of the same model for at least so many sources of as many steps, with
	// as many rows for each: then those that are done with need not be computed. nil: there is none that is faster.
	Fewer func(sources int) (*SourceStepper, error)

	s            *models.Stepwise
	encode, step Program
	never        []int32
	logits       *matrix
	logSum       *matrix
	weights      *matrix        // nil: none
	now          *SourceStepper // that has the sources which go on
	moved        scratch
}

// scratch is memory for what moves between programs.
type scratch struct {
	single, singleRows []float32
	double, doubleRows []float64
	ints, intRows      []int32
}

// NewStepper joins the two compiled programs of s. A stepper that others go on with, see Fewer, needs no encode.
func NewStepper(s *models.Stepwise, encode, step Program) *SourceStepper {
	x := &SourceStepper{
		s: s, encode: encode, step: step, never: []int32{s.Tokens.Padding, s.Tokens.Start},
		logits: newMatrix(s.Logits), logSum: newMatrix(s.LogSum),
	}
	if s.Weights != nil {
		x.weights = newMatrix(s.Weights)
	}
	x.now = x
	return x
}

// Read encodes sources, S×B tokens with padding behind their ends: all rows stand at their beginning.
func (x *SourceStepper) Read(source []int32) error {
	if x.encode == nil {
		return errors.New("the stepper has no program that reads sources")
	}
	x.now = x
	if err := x.encode.Set(x.s.Source, source); err != nil {
		return errors.Wrap(err, "source")
	}
	if err := x.encode.Run(); err != nil {
		return errors.Wrap(err, "source")
	}
	for i, from := range x.s.Encoded {
		places := make([]int, x.s.Begin[i].Shape()[0])
		for row := range places {
			places[row] = row * from.Shape()[0] / len(places)
		}
		rows, err := x.moved.rows(x.encode, from, 1, places)
		if err != nil {
			return err
		}
		if err := x.step.Set(x.s.Begin[i], rows); err != nil {
			return err
		}
	}
	return nil
}

// Narrow implements Narrower.
func (x *SourceStepper) Narrow(going []int) (kept []int, err error) {
	from := x.now
	for i, at := range going {
		if at < 0 || at >= from.sources() || i > 0 && at <= going[i-1] {
			return nil, errors.Errorf("source %d goes on, at place %d of those that do: they must be of the %d "+
				"sources, in their order",
				at, i, from.sources())
		}
	}
	if x.Fewer == nil {
		return nil, nil
	}
	to, err := x.Fewer(len(going))
	if err != nil || to == nil || to.sources() >= from.sources() {
		return nil, err
	}
	kept = slices.Clone(going)
	for at := 0; len(kept) < to.sources(); at++ { // what is over fills the rest
		if _, goes := slices.BinarySearch(going, at); !goes {
			kept = append(kept, at)
		}
	}
	for i, at := range to.s.Begin {
		each := at.Shape()[0] / to.sources() // rows of a source
		rows, err := x.moved.rows(from.step, from.s.Begin[i], each, kept)
		if err != nil {
			return nil, err
		}
		if err := to.step.Set(at, rows); err != nil {
			return nil, err
		}
	}
	x.now = to
	return kept, nil
}

// sources is for how many sources the programs are.
func (x *SourceStepper) sources() int { return x.s.Source.Shape()[1] }

// Step implements Stepper.
func (x *SourceStepper) Step(tokens, parents []int32) (Scores, error) {
	return x.now.next(tokens, parents)
}

func (x *SourceStepper) next(tokens, parents []int32) (s Scores, err error) {
	if err := x.step.Set(x.s.Token, tokens); err != nil {
		return s, err
	}
	if err := x.step.Set(x.s.Parent, parents); err != nil {
		return s, err
	}
	if err := x.step.Run(); err != nil {
		return s, err
	}
	if err := x.logits.read(x.step); err != nil {
		return s, err
	}
	s.Single, s.Double = x.logits.single, x.logits.double
	if _, s.LogSum, err = x.logSum.wide(x.step); err != nil {
		return s, err
	}
	if x.weights != nil {
		if s.Weights, _, err = x.weights.wide(x.step); err != nil {
			return s, err
		}
	}
	s.Never = x.never
	return s, nil
}

// rows reads a node's value: stretches of so many rows, elements along the first axis, in the order of places. They are
// valid until the next call.
func (m *scratch) rows(p Program, node *G.Node, each int, places []int) (any, error) {
	switch node.Dtype() {
	case tensor.Int32:
		return typedRows(p, node, each, places, &m.ints, &m.intRows)
	case tensor.Float32:
		return typedRows(p, node, each, places, &m.single, &m.singleRows)
	}
	return typedRows(p, node, each, places, &m.double, &m.doubleRows)
}

func typedRows[T any](p Program, node *G.Node, each int, places []int, data, rows *[]T) ([]T, error) {
	n := node.Shape().TotalSize()
	*data = slices.Grow((*data)[:0], n)[:n]
	if err := p.Get(node, *data); err != nil {
		return nil, err
	}
	width := each * n / node.Shape()[0]
	*rows = slices.Grow((*rows)[:0], len(places)*width)
	for _, at := range places {
		*rows = append(*rows, (*data)[at*width:][:width]...)
	}
	return *rows, nil
}

// matrix holds the value of a floating-point node on the host, by row.
type matrix struct {
	node   *G.Node
	data   any         // of all rows
	single [][]float32 // nil: the node is of float64
	double [][]float64 // nil: the node is of float32
}

func newMatrix(n *G.Node) *matrix {
	m := &matrix{node: n}
	if n.Dtype() == tensor.Float32 {
		m.single, m.data = newRows[float32](n)
	} else {
		m.double, m.data = newRows[float64](n)
	}
	return m
}

func newRows[T any](n *G.Node) (rows [][]T, data []T) {
	data = make([]T, n.Shape().TotalSize())
	width := len(data) / n.Shape()[0]
	for r := range n.Shape()[0] {
		rows = append(rows, data[r*width:][:width:width])
	}
	return rows, data
}

func (m *matrix) read(p Program) error { return p.Get(m.node, m.data) }

// wide reads the rows as float64; all are they in one piece.
func (m *matrix) wide(p Program) (rows [][]float64, all []float64, err error) {
	if err := m.read(p); err != nil {
		return nil, nil, err
	}
	if m.single == nil {
		return m.double, m.data.([]float64), nil
	}
	rows, all = newRows[float64](m.node)
	for i, x := range m.data.([]float32) {
		all[i] = float64(x)
	}
	return rows, all, nil
}
