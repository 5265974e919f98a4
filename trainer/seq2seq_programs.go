package trainer

import (
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/batches"
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
	aid            aidPorts
}

func (m *Seq2Seq) newTrainer(s trainShape) (*seq2seqTrainer, error) {
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
	aid, ports := m.aid.declare(b, s.rows)
	t.aid = ports
	loss := net.TrainingLoss(b, t.source, t.target, models.Teaching{Key: t.key, Ratio: t.ratio}, aid)
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

// beamDecoder writes step by step, in several rows for each source.
type beamDecoder struct {
	builder      *op.Builder
	graph        *models.Stepwise
	params       G.Nodes
	encode, step applied // encode has no program before sources are read
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
	d := &beamDecoder{builder: b, graph: w, params: net.Params.Nodes()}
	if d.step, err = m.apply(b, d.params, w.Outputs(), carry(w.States, w.Next)...); err != nil {
		return nil, err
	}
	d.stepper = m.stepper(d)
	return d, nil
}

// stepper joins the programs that there are.
func (m *Seq2Seq) stepper(d *beamDecoder) *decode.SourceStepper {
	var encode decode.Program
	if d.encode.Program != nil {
		encode = d.encode
	}
	s := decode.NewStepper(d.graph, encode, d.step)
	s.Room = &m.room
	return s
}

// reader makes the program that reads sources, if there is none yet.
func (m *Seq2Seq) reader(d *beamDecoder, s beamShape) error {
	if d.encode.Program == nil {
		var err error
		if d.encode, err = m.apply(d.builder, d.params, d.graph.Encoded); err != nil {
			return err
		}
		d.stepper = m.stepper(d)
		d.stepper.Fewer = func(sources int) (*decode.SourceStepper, error) { return m.fewer(s, sources) }
	}
	return m.shared.sync(&d.encode)
}

// What is kept of programs that write step by step, whatever lengths come: so many shapes, and so many bytes of inputs
// and outputs. Those that were not used for the longest time make room for others.
const (
	mostBeams     = 96
	mostBeamBytes = 24 << 20
)

// beamFor gives the programs for a shape, with the newest weights.
func (m *Seq2Seq) beamFor(s beamShape) (*beamDecoder, error) {
	d, err := obtain(m.beam, s, m.newBeam)
	if err != nil {
		return nil, err
	}
	m.recent = append(slices.DeleteFunc(m.recent, func(x beamShape) bool { return x == s }), s)
	if err := m.makeRoom(s); err != nil {
		return nil, err
	}
	return d, m.shared.sync(&d.step)
}

// makeRoom frees programs while there are too many beside those for a shape. A search uses those for as many steps of its
// sources and as many rows for each: these stay.
func (m *Seq2Seq) makeRoom(s beamShape) error {
	bytes := 0
	for _, d := range m.beam {
		bytes += d.bytes()
	}
	for i := 0; i < len(m.recent) && (len(m.recent) > mostBeams || bytes > m.keep); {
		x := m.recent[i]
		if x.source == s.source && x.width == s.width {
			i++
			continue
		}
		old := m.beam[x]
		bytes -= old.bytes()
		delete(m.beam, x)
		m.recent = slices.Delete(m.recent, i, i+1)
		for _, p := range []*graph.Program{old.encode.Program, old.step.Program} {
			if err := m.forget(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytes is about how much memory the programs have that others do not have, too: inputs and outputs.
func (d *beamDecoder) bytes() int {
	own := slices.Concat(d.graph.Begin, d.graph.Outputs())
	if d.encode.Program != nil {
		own = append(own, d.graph.Encoded...)
	}
	elements := 0
	for _, n := range own {
		elements += n.Shape().TotalSize()
	}
	return 4 * elements
}

// fewer is the stepper for so many sources, or a few more, nil if it would not leave out a quarter of them. Where
// programs do not share weights one more is not worth it.
func (m *Seq2Seq) fewer(s beamShape, sources int) (*decode.SourceStepper, error) {
	fewer := batches.RowsInUse(sources, m.StepCost())
	if 4*fewer > 3*s.batch || m.placed == nil {
		return nil, nil
	}
	s.batch = fewer
	d, err := m.beamFor(s)
	if err != nil {
		return nil, err
	}
	return d.stepper, nil
}
