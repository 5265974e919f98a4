package trainer

import (
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

// applied is a program without derivative, of one shape.
type applied struct {
	*graph.Program
	params  G.Nodes // those that it needs
	version int     // of the weights that it has; 0: none
}

// apply compiles a program without derivative.
func (s *shared) apply(b *op.Builder, params, outputs G.Nodes, updates ...graph.Update) (applied, error) {
	if err := s.open(); err != nil {
		return applied{}, err
	}
	a, err := apply(graph.Config{Device: s.using, Recompute: s.Recompute, Memory: s.Memory}, b, params, outputs,
		updates...)
	if err == nil {
		s.programs = append(s.programs, a.Program)
		s.applied++
	}
	return a, err
}

// apply compiles a program without derivative, which needs those parameters that its outputs depend on.
func apply(c graph.Config, b *op.Builder, params, outputs G.Nodes, updates ...graph.Update) (applied, error) {
	if b.Err() != nil {
		return applied{}, b.Err()
	}
	c.Outputs, c.Updates = outputs, updates
	p, err := fitted(c)
	if err != nil {
		return applied{}, err
	}
	a := applied{Program: p}
	for _, n := range params {
		if slices.Contains(p.Inputs(), n) {
			a.params = append(a.params, n)
		}
	}
	return a, nil
}

// sync gives a program the newest weights, or their average.
func (s *shared) sync(p *applied) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.newest != nil && s.inPlace {
		p.version = s.version
	}
	if p.version == s.version {
		return nil
	}
	weights, state := s.weights, s.state
	if s.newest != nil {
		var err error
		if weights, err = s.newestWeights(); err != nil {
			return err
		}
		if s.Average > 0 {
			if state, err = read(s.newest.Program, s.newest.States); err != nil {
				return err
			}
		}
	}
	var nodes G.Nodes
	var wanted []graph.Tensor
	for _, t := range s.averaged(weights, state) {
		i := slices.IndexFunc(p.params, func(n *G.Node) bool { return n.Name() == t.Name })
		if i >= 0 && (s.placed == nil || s.placed[t.Name] != s.version) {
			nodes, wanted = append(nodes, p.params[i]), append(wanted, t)
		}
	}
	if err := write(p.Program, "weights", nodes, wanted); err != nil {
		return err
	}
	for _, t := range wanted {
		if s.placed != nil {
			s.placed[t.Name] = s.version
		}
	}
	p.version = s.version
	return nil
}
