package op

import G "gorgonia.org/gorgonia"

// constant is the part of a rule whose result does not change when its inputs change a little: it has no gradient.
type constant struct{}

func (constant) Differentiable(int) bool { return false }

// Diff: none.
func (constant) Diff(_ *Builder, in []*G.Node, _, _ *G.Node) []*G.Node {
	return make([]*G.Node, len(in))
}
