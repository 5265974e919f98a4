package models

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// CRF is a linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001) over K tags: it scores whole
// sequences of tags, so that neighbours depend on each other. With the scores e_t of the tags at step t, which a
// network gives,
//
//	s(y) = start[y_1] + Σ_t e_t[y_t] + Σ_t trans[y_{t-1}, y_t] + end[y_T]
//	p(y) = exp(s(y)) / Z,    Z = Σ_y' exp(s(y')) over all sequences y'
//
// ln Z is a Scan over log-sum-exp, whose derivative are the probabilities of tags and of pairs of tags; the likeliest
// sequence is a Scan over max, with a Scan back along the choices.
type CRF struct {
	Transitions *G.Node // K×K: from the tag of the row to that of the column
	Start, End  *G.Node // K
}

// NewCRF declares the parameters name.transitions, name.start and name.end for so many tags, at first U(±0.1).
func NewCRF(p *Params, name string, tags int) (*CRF, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if err := setting.AtLeast("Tags", tags, 1); err != nil {
		return nil, err
	}
	const bound = 0.1
	c := &CRF{
		Transitions: p.Uniform(name+".transitions", bound, tags, tags),
		Start:       p.Uniform(name+".start", bound, tags), End: p.Uniform(name+".end", bound, tags),
	}
	return c, p.b.Err()
}

// fits reports whether scores are T×B×K, the mask T×B and, if there are any, the tags T×B.
func (c *CRF) fits(b *op.Builder, scores, mask, tags *G.Node) bool {
	if !ranked(b, "a CRF", scores, 3) || !ranked(b, "the mask of a CRF", mask, 2) ||
		tags != nil && !ranked(b, "the tags of a CRF", tags, 2) {
		return false
	}
	s, k := scores.Shape(), c.Start.Shape()[0]
	same := func(n *G.Node) bool { return n.Dims() == 2 && n.Shape()[0] == s[0] && n.Shape()[1] == s[1] }
	if s.Dims() != 3 || s[2] != k || !same(mask) || tags != nil && !same(tags) {
		b.Fail(errors.Errorf("a CRF of %d tags has scores of shape %v and a mask of shape %v: want T×B×%d and T×B",
			k, s, mask.Shape(), k))
	}
	return b.Err() == nil
}

// alphas runs the forward algorithm:
//
//	α_1[j] = start[j] + e_1[j]
//	α_t[j] = e_t[j] + ln Σ_i exp(α_{t-1}[i] + trans[i, j])
//	ln Z   = ln Σ_j exp(α_T[j] + end[j])
//
// From each α_t its largest element m_t is taken away, so that in float32 nothing grows with T: ln Z = last + Σ_t
// m_t, with last, B, and m, T×B. Where the mask is 0 α stays as it is, and m is 0.
func (c *CRF) alphas(b *op.Builder, scores, mask *G.Node) (last, m *G.Node) {
	steps := scores.Shape()[0]
	recentre := func(b *op.Builder, a *G.Node) (rest, m *G.Node) {
		m = b.StopGradient(b.MaxOver(a, -1)) // what is added back later, so that it has no influence on the derivative
		return b.Sub(a, b.Expand(m, -1)), m
	}
	first := b.Slice(mask, 0, 0, 1) // 1×B
	alpha, m1 := recentre(b, b.Add(at(b, scores, 0), c.Start))
	m = b.Where(first, b.Expand(m1, 0), b.Fill(scores, 0)) // 1×B
	if steps > 1 {
		scan := op.Scan{
			Name: "CRF", Seqs: []*G.Node{b.Slice(scores, 0, 1, steps)}, States: []*G.Node{alpha},
			Mask: b.Slice(mask, 0, 1, steps),
		}
		run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
			a := b.Add(b.LogSumExp(b.Add(b.Expand(in.States[0], -1), c.Transitions), 1), in.Seqs[0]) // B×K
			a, m := recentre(b, a)
			return op.Out{States: []*G.Node{a}, Outs: []*G.Node{m}}
		})
		alpha, m = run.Final[0], b.Concat(0, m, run.Outs[0])
	}
	return b.LogSumExp(b.Add(alpha, c.End), -1), m
}

// at is element t of a sequence.
func at(b *op.Builder, xs *G.Node, t int) *G.Node {
	if b.Err() != nil {
		return b.Fail(b.Err())
	}
	return b.Reshape(b.Slice(xs, 0, t, t+1), xs.Shape()[1:]...)
}

// LogZ is ln Z, B, of scores T×B×K; the mask, T×B of any type, is 0 behind the end of a sequence, else 1. Its
// derivative by the scores are the probabilities of the tags at each step.
func (c *CRF) LogZ(b *op.Builder, scores, mask *G.Node) *G.Node {
	if !c.fits(b, scores, mask, nil) {
		return b.Fail(b.Err())
	}
	last, m := c.alphas(b, scores, mask)
	return b.Add(last, b.Sum(m, 0))
}

// NLL is -ln p(tags), B, of tags T×B, integers in [0, K), behind the end of a sequence any of them; 0 for a sequence
// without steps.
//
// ln Z and the score of the tags are both large, and nearly equal where the model is right: it is their difference
// that is added up, step by step, so that nothing is lost of it in float32.
func (c *CRF) NLL(b *op.Builder, scores, tags, mask *G.Node) *G.Node {
	if !c.fits(b, scores, mask, tags) {
		return b.Fail(b.Err())
	}
	steps := scores.Shape()[0]
	last, m := c.alphas(b, scores, mask)
	is := b.OneHot(tags, c.Start.Shape()[0], scores) // T×B×K
	nothing := b.Fill(scores, 0)
	chosen := func(is, x *G.Node) *G.Node { return b.Sum(b.Where(is, x, nothing), -1) } // 0·(-∞) would be no number
	path := chosen(is, scores)                                                          // T×B: e_t[y_t]
	before := chosen(b.Slice(is, 0, 0, 1), c.Start)                                     // 1×B: start[y_1]
	if steps > 1 {
		from := b.Gather(c.Transitions, b.Slice(tags, 0, 0, steps-1))        // T-1×B×K
		before = b.Concat(0, before, chosen(b.Slice(is, 0, 1, steps), from)) // T×B: trans[y_{t-1}, y_t]
	}
	path = b.Add(path, before)
	isEnd := b.Mul(is, b.Expand(lasts(b, b.Cast(mask, scores)), -1)) // T×B×K
	ends := b.Sum(chosen(isEnd, c.End), 0)                           // B: end[y_T]
	rest := b.Sum(b.Where(mask, b.Sub(m, path), nothing), 0)
	return b.Where(at(b, mask, 0), b.Add(b.Sub(last, ends), rest), nothing)
}

// lasts is 1 at the last step of each sequence, T×B.
func lasts(b *op.Builder, mask *G.Node) *G.Node {
	steps := mask.Shape()[0]
	if steps == 1 {
		return mask
	}
	return b.Sub(mask, b.Pad(b.Slice(mask, 0, 1, steps), 0, 0, 1))
}

// Viterbi is the likeliest sequence of tags (Viterbi, 1967), T×B integers, and its score s(y), B:
//
//	δ_t[j] = e_t[j] + max_i (δ_{t-1}[i] + trans[i, j])
//
// Of equals it takes the first. Behind the end of a sequence its last tag is repeated.
func (c *CRF) Viterbi(b *op.Builder, scores, mask *G.Node) (tags, score *G.Node) {
	if !c.fits(b, scores, mask, nil) {
		return b.Fail(b.Err()), b.Fail(b.Err())
	}
	s := scores.Shape()
	steps, k := s[0], s[2]
	delta := b.Add(at(b, scores, 0), c.Start)
	var choices *G.Node // T-1×B×K: the best tag before each, as numbers of the scores' type
	if steps > 1 {
		to := b.Transpose(c.Transitions, 1, 0)
		seqs := []*G.Node{b.Slice(scores, 0, 1, steps), b.Slice(mask, 0, 1, steps)}
		scan := op.Scan{Name: "Viterbi", Seqs: seqs, States: []*G.Node{delta}}
		run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
			e, delta, valid := in.Seqs[0], in.States[0], b.Expand(in.Seqs[1], -1)
			ways := b.Add(b.Expand(delta, 1), to) // B×K×K: to the tag of the row from that of the column
			next := b.Add(e, b.MaxOver(ways, -1))
			from := b.Where(valid, b.Cast(b.Argmax(ways), e), b.Iota(e, -1, e.Shape()...))
			return op.Out{States: []*G.Node{b.Where(valid, next, delta)}, Outs: []*G.Node{from}}
		})
		delta, choices = run.Final[0], run.Outs[0]
	}
	ends := b.Add(delta, c.End) // B×K
	last, score := b.Cast(b.Argmax(ends), scores), b.MaxOver(ends, -1)
	path := b.Expand(last, 0) // 1×B
	if steps > 1 {
		scan := op.Scan{Name: "Viterbi, back", Seqs: []*G.Node{choices}, States: []*G.Node{last}, Reverse: true}
		back := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
			from := in.Seqs[0] // B×K
			is := b.Eq(b.Iota(from, -1, s[1], k), b.Expand(in.States[0], -1))
			return op.Out{States: []*G.Node{b.Sum(b.Mul(is, from), -1)}}
		})
		path = b.Concat(0, back.States[0], path)
	}
	return b.Cast(path, c.integers(b)), score
}

// integers is a node of integers, as an example of the type.
func (c *CRF) integers(b *op.Builder) *G.Node { return b.Argmax(c.Transitions) }
