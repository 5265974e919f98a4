package trainer

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

func newSeq2SeqGraph(c Seq2SeqConfig) (*op.Builder, *models.Seq2Seq, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewSeq2Seq(models.DeclareParams(b, tensor.Float32), c.Model)
	return b, m, err
}

// seq2seqTrainer is a training program.
type seq2seqTrainer struct {
	*trainProgram
	source, target *G.Node
	key, ratio     *G.Node // nil: nothing is drawn
}

func (m *Seq2Seq) newTrainer(s pairShape) (*seq2seqTrainer, error) {
	c := &m.config
	b, net, err := newSeq2SeqGraph(*c)
	if err != nil {
		return nil, err
	}
	t := &seq2seqTrainer{source: tokens(b, "source", s.source, s.batch), target: tokens(b, "target", s.target, s.batch)}
	sampled := c.TeacherForcing < 1 || c.TeacherDecay != nil
	if c.Model.Dropout > 0 || sampled {
		t.key = keyNode(b)
	}
	if sampled {
		t.ratio = G.NewScalar(b.Graph(), tensor.Float32, G.WithName("teacher forcing"))
	}
	p := net.Predict(b, t.source, t.target, models.Teaching{Key: t.key, Ratio: t.ratio})
	loss := net.Loss(b, p.Logits, t.target)
	tokens := b.Sum(b.Cast(net.Mask(b, t.target), loss))
	t.trainProgram, err = m.step(b, loss, tokens, net.Params.Nodes())
	return t, err
}

// seq2seqEvaluator measures batches.
type seq2seqEvaluator struct {
	applied
	source, target                     *G.Node
	nll, correct, top2, count, unknown *G.Node
}

func (m *Seq2Seq) newEvaluator(s pairShape) (*seq2seqEvaluator, error) {
	b, net, err := newSeq2SeqGraph(m.config)
	if err != nil {
		return nil, err
	}
	e := &seq2seqEvaluator{source: tokens(b, "source", s.source, s.batch), target: tokens(b, "target", s.target, s.batch)}
	logits := net.Predict(b, e.source, e.target, models.Teaching{}).Logits // T×B×V
	mask := b.Cast(net.Mask(b, e.target), logits)                          // T×B
	unknown := b.Cast(b.Eq(e.target, b.Fill(e.target, float64(net.Tokens.Unknown))), logits)
	known := b.Sub(mask, unknown)
	tops := metrics.Tops(b, logits, e.target, 1, 2) // T×B each
	e.nll = b.Sum(b.CrossEntropy(logits, e.target, mask, 0))
	e.correct = b.Sum(b.Mul(known, tops[0]))
	e.top2 = b.Sum(b.Mul(known, tops[1]))
	e.count, e.unknown = b.Sum(mask), b.Sum(unknown)
	e.applied, err = m.apply(b, net.Params.Nodes(), G.Nodes{e.nll, e.correct, e.top2, e.count, e.unknown})
	return e, err
}

func (e *seq2seqEvaluator) run(x Translations) (s Sums, err error) {
	if err := set(e.Program, e.source, x.Source, e.target, x.Target); err != nil {
		return s, err
	}
	if err := e.Run(); err != nil {
		return s, err
	}
	if s.NLL, err = number(e.Program, e.nll); err != nil {
		return s, err
	}
	for _, out := range []struct {
		n  *G.Node
		to *int
	}{{e.correct, &s.Correct}, {e.top2, &s.Top2}, {e.count, &s.Count}, {e.unknown, &s.Unknown}} {
		x, err := number(e.Program, out.n)
		if err != nil {
			return s, err
		}
		*out.to = int(math.Round(x))
	}
	return s, nil
}

// greedyDecoder translates batches.
type greedyDecoder struct {
	applied
	source, tokens, logProb *G.Node
}

func (m *Seq2Seq) newGreedy(s pairShape) (*greedyDecoder, error) {
	b, net, err := newSeq2SeqGraph(m.config)
	if err != nil {
		return nil, err
	}
	d := &greedyDecoder{source: tokens(b, "source", s.source, s.batch)}
	written := net.Greedy(b, d.source, s.target)
	d.tokens, d.logProb = written.Tokens, written.LogProb
	d.applied, err = m.apply(b, net.Params.Nodes(), G.Nodes{d.tokens, d.logProb})
	return d, err
}

// write translates a batch of sources. A score that is not finite makes ln p of its translation so.
func (d *greedyDecoder) write(source []int32, batch, steps int) ([]int32, error) {
	if err := d.Set(d.source, source); err != nil {
		return nil, err
	}
	if err := d.Run(); err != nil {
		return nil, err
	}
	logProbs := make([]float32, batch)
	if err := d.Get(d.logProb, logProbs); err != nil {
		return nil, err
	}
	if err := decode.CheckFinite(logProbs); err != nil {
		return nil, errors.Wrap(err, "greedy decoding, ln p of the translations")
	}
	tokens := make([]int32, steps*batch)
	return tokens, d.Get(d.tokens, tokens)
}

// beamDecoder writes step by step, in several rows for each source.
type beamDecoder struct {
	encode, step applied
	stepper      *decode.SourceStepper
}

func (m *Seq2Seq) newBeam(s beamShape) (*beamDecoder, error) {
	b, net, err := newSeq2SeqGraph(m.config)
	if err != nil {
		return nil, err
	}
	w, err := net.Stepwise(b, s.source, s.batch, s.width)
	if err != nil {
		return nil, err
	}
	d := &beamDecoder{}
	if d.encode, err = m.apply(b, net.Params.Nodes(), w.Encoded); err != nil {
		return nil, err
	}
	if d.step, err = m.apply(b, net.Params.Nodes(), w.Outputs(), carry(w.States, w.Next)...); err != nil {
		return nil, err
	}
	d.stepper = decode.NewStepper(w, d.encode, d.step)
	return d, nil
}
