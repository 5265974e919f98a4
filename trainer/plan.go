package trainer

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
)

// Memory is how much memory of its device a training step takes, in bytes.
type Memory struct {
	Parameters  int64 // the weights
	State       int64 // what the optimizer keeps, and what the model carries from step to step
	Activations int64 // all that a step computes with
	Recompute   int   // see Training.Recompute
}

// Total is all of it.
func (m Memory) Total() int64 { return m.Parameters + m.State + m.Activations }

// Allow sets Training.Memory, for programs that are compiled from now on.
func (s *shared) Allow(memory int64) { s.Memory = memory }

// Plan says how much memory a training step takes, without taking it: train must call Train of the model, on any
// batch of the shape in question. A *graph.MemoryError says that Training.Memory is too little for it.
func (s *shared) Plan(train func() error) (Memory, error) {
	if train == nil {
		return Memory{}, errors.New("Plan needs a function that calls Train")
	}
	plan := Memory{Parameters: bytes(s.weights), State: bytes(s.names)}
	s.planning = &plan
	defer func() { s.planning = nil }()
	err := train()
	return plan, err
}

// measure completes a plan by what a training program takes.
func (m *Memory) measure(p *trainProgram) error {
	all, err := p.Bytes()
	m.Activations, m.Recompute = all-m.Parameters-m.State, p.Recompute()
	return err
}

// bytes is how many the numbers of tensors are, of which only the shapes may be known.
func bytes(ts []graph.Tensor) (n int64) {
	for _, t := range ts {
		elements := int64(4)
		for _, d := range t.Shape {
			elements *= int64(d)
		}
		n += elements
	}
	return n
}

// fitted compiles a program that only measures or is used: where it cannot be as small as it should, it is as small as
// it can be.
func fitted(c graph.Config) (*graph.Program, error) {
	p, err := graph.Compile(c)
	if small := (*graph.MemoryError)(nil); errors.As(err, &small) {
		c.Memory = small.Least
		return graph.Compile(c)
	}
	return p, err
}
