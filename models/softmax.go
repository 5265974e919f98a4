package models

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Softmax says how a model of many tokens predicts the next one from a vector x. The zero value is
//
//	p = softmax(x·Wᵀ + b)
//
// of all V tokens, in training as in use. With Cutoffs it is the adaptive softmax of Grave et al. (2017), another
// model with fewer weights, whose probabilities are exact. With Samples it is that same full softmax, and training
// compares each target with a few tokens that are drawn (Jean et al., 2015). Both take tokens to be numbered by how
// often they occur, the most frequent first.
type Softmax struct {
	Cutoffs []int // ascending, in (0, V): where the clusters of rarer tokens begin
	Samples int   // tokens that stand for all others in training, at most V/2
}

// check says what is wrong with the softmax of a model of so many tokens.
func (s Softmax) check(vocab int, tied bool) error {
	switch {
	case len(s.Cutoffs) > 0 && s.Samples != 0:
		return &setting.Error{Setting: "Samples", Value: s.Samples, Want: "0 with Cutoffs: a softmax is adaptive or sampled"}
	case s.Samples < 0 || s.Samples > vocab/2:
		return &setting.Error{Setting: "Samples", Value: s.Samples, Want: fmt.Sprintf("in [0, %d], half the tokens", vocab/2)}
	case len(s.Cutoffs) > 0 && tied:
		return &setting.Error{Setting: "Tied", Value: true,
			Want: "left out with Cutoffs, an adaptive softmax: its weights have not the size of an embedding"}
	case len(s.Cutoffs) > MaxTails:
		return &setting.Error{Setting: "Cutoffs", Value: s.Cutoffs, Want: fmt.Sprintf("at most %d", MaxTails)}
	}
	before := 0
	for _, c := range s.Cutoffs {
		if c <= before || c >= vocab {
			return &setting.Error{Setting: "Cutoffs", Value: s.Cutoffs,
				Want: fmt.Sprintf("ascending numbers of tokens, larger than 0 and smaller than the %d that there are", vocab)}
		}
		before = c
	}
	return nil
}

// output is the last layer of a model of tokens.
type output interface {
	// Apply gives ...×V for x, ...×H: logits, or ln p, whose softmax is the same.
	Apply(b *op.Builder, x *G.Node) *G.Node

	// loss is -ln p(target), ... for x, ...×H, as training has it: exactly 0 where mask, which may be nil, is 0. aid is
	// what NewAid declared.
	loss(b *op.Builder, x, target, mask *G.Node, smoothing float64, aid *Aid) *G.Node
}

// newOutput declares the last layer; weight, V×H, is that of a full softmax, or nil: one of its own.
func (s Softmax) newOutput(p *Params, name string, hidden, vocab int, weight *G.Node) output {
	switch {
	case len(s.Cutoffs) > 0:
		return newAdaptive(p, name, hidden, vocab, s.Cutoffs)
	case weight != nil:
		return &Linear{weight, p.Constant(name+".bias", 0, vocab)}
	}
	return NewLinear(p, name, hidden, vocab)
}

// loss implements output: all of it or, if there are samples, that of a sampled softmax.
func (l *Linear) loss(b *op.Builder, x, target, mask *G.Node, smoothing float64, aid *Aid) *G.Node {
	if aid != nil && aid.Samples != nil {
		return l.sampledLoss(b, x, target, mask, aid)
	}
	return b.CrossEntropy(l.Apply(b, x), target, mask, smoothing)
}

// Aid are inputs with which a loss need not compute all tokens for all targets. What they hold depends on the
// targets of a batch: see Softmax.Rows and Softmax.Draw.
type Aid struct {
	Rows    []*G.Node // of an adaptive softmax: for each tail the targets to compute, integers
	Samples *G.Node   // of a sampled softmax: different tokens, integers
	Tries   *G.Node   // likewise, an integer: how many draws it took
}

// NewAid declares the inputs for batches in which each tail of an adaptive softmax computes so many targets; nil for
// a full softmax, which needs none.
func (s Softmax) NewAid(b *op.Builder, rows []int) *Aid {
	if b.Err() != nil {
		return nil
	}
	if len(s.Cutoffs) > 0 && (len(rows) != len(s.Cutoffs) || slices.Min(rows) < 1) {
		b.Fail(errors.Errorf("%v rows for the %d tails of an adaptive softmax: at least 1 for each", rows, len(s.Cutoffs)))
		return nil
	}
	integers := func(name string, n int) *G.Node {
		return G.NewVector(b.Graph(), tensor.Int32, G.WithShape(n), G.WithName(name))
	}
	switch {
	case s.Samples > 0:
		return &Aid{Samples: integers("sampled tokens", s.Samples), Tries: integers("draws", 1)}
	case len(s.Cutoffs) == 0:
		return nil
	}
	a := &Aid{}
	for i, n := range rows {
		a.Rows = append(a.Rows, integers(fmt.Sprintf("targets of tail %d", i), n))
	}
	return a
}

// given says whether all nodes are there, and no mistake was made before.
func given(b *op.Builder, nodes ...*G.Node) bool {
	if slices.Contains(nodes, nil) {
		b.Fail(errors.New("a node that a loss is made of is nil"))
	}
	return b.Err() == nil
}

// Tail is the cluster of an adaptive softmax in which a token is, counted from 0; -1: it is in the head.
func (s Softmax) Tail(token int32) int {
	i, begins := slices.BinarySearchFunc(s.Cutoffs, int(token), cmp.Compare[int])
	if begins {
		return i
	}
	return i - 1
}

// Rows are for each tail of an adaptive softmax the places of its tokens among the targets, ascending.
func (s Softmax) Rows(targets []int32) [][]int32 {
	rows := make([][]int32, len(s.Cutoffs))
	for k, t := range targets {
		if i := s.Tail(t); i >= 0 {
			rows[i] = append(rows[i], int32(k))
		}
	}
	return rows
}

// Draw draws the tokens of a sampled softmax of so many, and says how many draws that took.
func (s Softmax) Draw(vocab int, random *rand.Rand) (tokens []int32, tries int) {
	return logUniform{vocab}.draw(s.Samples, random)
}
