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
	// has read so far. The results are for each row ln p of all tokens, and the weights of the attention over
	// the source, or nil; they are valid until the next call.
	Step(tokens, parents []int32) (logProbs, weights [][]float64, err error)
}

// checkSources says what is wrong with what a search is for: a stepper at the beginning of sources of the given
// lengths.
func checkSources(s Stepper, lengths []int) error {
	if s == nil || len(lengths) == 0 || slices.Min(lengths) < 0 {
		return errors.Errorf("no stepper for sources of lengths %v: there must be one, and no length may be negative", lengths)
	}
	return nil
}

// SourceStepper is the Stepper of a Seq2Seq.
type SourceStepper struct {
	s            *models.Stepwise
	encode, step Program
	logProbs     *matrix
	weights      *matrix // nil: none
}

// NewStepper joins the two compiled programs of s.
func NewStepper(s *models.Stepwise, encode, step Program) *SourceStepper {
	x := &SourceStepper{s: s, encode: encode, step: step, logProbs: newMatrix(s.LogProbs)}
	if s.Weights != nil {
		x.weights = newMatrix(s.Weights)
	}
	return x
}

// Read encodes sources, S×B tokens with padding behind their ends: all rows stand at their beginning.
func (x *SourceStepper) Read(source []int32) error {
	if err := x.encode.Set(x.s.Source, source); err != nil {
		return errors.Wrap(err, "source")
	}
	if err := x.encode.Run(); err != nil {
		return errors.Wrap(err, "source")
	}
	for i, from := range x.s.Encoded {
		rows, err := repeated(x.encode, from, x.s.Begin[i].Shape()[0]/from.Shape()[0])
		if err != nil {
			return err
		}
		if err := x.step.Set(x.s.Begin[i], rows); err != nil {
			return err
		}
	}
	return nil
}

// Step implements Stepper.
func (x *SourceStepper) Step(tokens, parents []int32) (logProbs, weights [][]float64, err error) {
	if err := x.step.Set(x.s.Token, tokens); err != nil {
		return nil, nil, err
	}
	if err := x.step.Set(x.s.Parent, parents); err != nil {
		return nil, nil, err
	}
	if err := x.step.Run(); err != nil {
		return nil, nil, err
	}
	if logProbs, err = x.logProbs.read(x.step); err != nil || x.weights == nil {
		return logProbs, nil, err
	}
	weights, err = x.weights.read(x.step)
	return logProbs, weights, err
}

// repeated reads a node's value and repeats each row, its elements along the first axis, n times.
func repeated(p Program, node *G.Node, n int) (any, error) {
	switch node.Dtype() {
	case tensor.Int32:
		return repeatedRows[int32](p, node, n)
	case tensor.Float32:
		return repeatedRows[float32](p, node, n)
	}
	return repeatedRows[float64](p, node, n)
}

func repeatedRows[T any](p Program, node *G.Node, n int) ([]T, error) {
	rows, data := node.Shape()[0], make([]T, node.Shape().TotalSize())
	err := p.Get(node, data)
	width := len(data) / rows
	var all []T
	for r := range rows {
		for range n {
			all = append(all, data[r*width:][:width]...)
		}
	}
	return all, err
}

// matrix holds the value of a floating-point node on the host.
type matrix struct {
	node   *G.Node
	single []float32 // nil: the node is of float64
	data   []float64
	rows   [][]float64
}

func newMatrix(n *G.Node) *matrix {
	rows, columns := n.Shape()[0], n.Shape()[1]
	m := &matrix{node: n, data: make([]float64, rows*columns)}
	if n.Dtype() == tensor.Float32 {
		m.single = make([]float32, rows*columns)
	}
	for r := range rows {
		m.rows = append(m.rows, m.data[r*columns:][:columns])
	}
	return m
}

func (m *matrix) read(p Program) ([][]float64, error) {
	if m.single == nil {
		return m.rows, p.Get(m.node, m.data)
	}
	if err := p.Get(m.node, m.single); err != nil {
		return nil, err
	}
	for i, x := range m.single {
		m.data[i] = float64(x)
	}
	return m.rows, nil
}
