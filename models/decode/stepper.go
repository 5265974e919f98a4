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

	// Room is where what the programs compute comes to the host; NewStepper makes one. Steppers that take turns, as
	// those of one model for several shapes do, may have one in common: Scores are then valid until the next step of
	// any of them.
	Room *Room

	s            *models.Stepwise
	encode, step Program
	never        []int32
	now          *SourceStepper // that has the sources which go on
}

// Room is memory on the host, as much as the largest stepper needs that has it. The zero value is ready to use.
type Room struct {
	logits, sums, weights, other scratch
}

// scratch is memory for the value of a node, and for some of its rows.
type scratch struct {
	single, singleRows []float32
	double, doubleRows []float64
	ints, intRows      []int32
}

// NewStepper joins the two compiled programs of s. A stepper that others go on with, see Fewer, needs no encode.
func NewStepper(s *models.Stepwise, encode, step Program) *SourceStepper {
	x := &SourceStepper{
		s: s, encode: encode, step: step, never: []int32{s.Tokens.Padding, s.Tokens.Start}, Room: &Room{},
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
		rows, err := x.Room.other.rows(x.encode, from, 1, places)
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
		rows, err := x.Room.other.rows(from.step, from.s.Begin[i], each, kept)
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
	if s.Single, s.Double, err = x.Room.logits.matrix(x.step, x.s.Logits); err != nil {
		return s, err
	}
	if s.LogSum, err = x.Room.sums.wide(x.step, x.s.LogSum); err != nil {
		return s, err
	}
	if x.s.Weights != nil {
		weights, err := x.Room.weights.wide(x.step, x.s.Weights)
		if err != nil {
			return s, err
		}
		s.Weights = cut(weights, len(tokens))
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
	if err := value(p, node, data); err != nil {
		return nil, err
	}
	width := each * len(*data) / node.Shape()[0]
	*rows = slices.Grow((*rows)[:0], len(places)*width)
	for _, at := range places {
		*rows = append(*rows, (*data)[at*width:][:width]...)
	}
	return *rows, nil
}

// value reads a node's value into data, which becomes as long.
func value[T any](p Program, node *G.Node, data *[]T) error {
	n := node.Shape().TotalSize()
	*data = slices.Grow((*data)[:0], n)[:n]
	return p.Get(node, *data)
}

// matrix is the value of a floating-point node, by row: of float32, or else of float64. It is valid until the next call.
func (m *scratch) matrix(p Program, node *G.Node) (single [][]float32, double [][]float64, err error) {
	if node.Dtype() == tensor.Float32 {
		err = value(p, node, &m.single)
		return cut(m.single, node.Shape()[0]), nil, err
	}
	err = value(p, node, &m.double)
	return nil, cut(m.double, node.Shape()[0]), err
}

// wide is the value of a floating-point node as float64. It is valid until the next call.
func (m *scratch) wide(p Program, node *G.Node) ([]float64, error) {
	if node.Dtype() == tensor.Float64 {
		err := value(p, node, &m.double)
		return m.double, err
	}
	err := value(p, node, &m.single)
	m.double = m.double[:0]
	for _, x := range m.single {
		m.double = append(m.double, float64(x))
	}
	return m.double, err
}

// cut is data as so many rows.
func cut[T any](data []T, rows int) [][]T {
	all := make([][]T, 0, rows)
	width := len(data) / rows
	for r := range rows {
		all = append(all, data[r*width:][:width:width])
	}
	return all
}
