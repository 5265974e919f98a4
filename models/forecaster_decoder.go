package models

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// Begin gives the first states of the decoder from the states after the past: themselves, or, where the decoder has
// another cell or another hidden size, tanh(h·Wᵀ + b) of the uppermost layer's output.
func (m *Forecaster) Begin(b *op.Builder, states []*G.Node) []*G.Node {
	if m.bridge == nil || !m.layers.fits(b, states) {
		return states
	}
	h := m.layers.Top(b, states)
	begin := make([]*G.Node, len(m.bridge))
	for i, l := range m.bridge {
		begin[i] = b.Tanh(l.Apply(b, h))
	}
	return begin
}

// ForecastStep is one step of the decoder.
type ForecastStep struct {
	Before *G.Node // B×PM: the values of the patch before, scaled
	Known  *G.Node // B×PC; nil without covariates
	Static *G.Node // B×S; nil without static features
	Base   *G.Node // B×PM
	States []*G.Node
	Key    *G.Node // 4; nil: nothing is dropped
}

// Step gives the numbers of the values of a patch, B×PM each, and the new states.
func (m *Forecaster) Step(b *op.Builder, in ForecastStep) (numbers, next []*G.Node) {
	if m.decoder == nil {
		b.Fail(errors.New("forecaster: its head is direct, there are no steps of a decoder"))
	}
	if b.Err() != nil {
		return m.broken(b), in.States
	}
	x := []*G.Node{in.Before}
	if in.Known != nil {
		x = append(x, in.Known)
	}
	if e := m.static(b, in.Static); e != nil {
		x = append(x, e)
	}
	h, next := m.decoder.Step(b, Input{X: join(b, x), States: in.States, Keys: in.Key})
	h = dropout(b, h, m.Dropout, in.Key)
	all, places := m.Loss.Numbers()
	numbers = b.Split(m.head.Apply(b, h), 1, all) // B×PM each
	for i := range numbers[:places] {
		numbers[i] = b.Add(numbers[i], in.Base)
	}
	return numbers, next
}

// ForecastTeaching says what the decoder reads while it learns.
type ForecastTeaching struct {
	Truth  *G.Node // B×H×M: the true values, scaled; nil: the decoder reads its own, as when it is used
	Weight *G.Node // B×H×M: where it is 0 there is no true value, and it reads its own
	Key    *G.Node // of the training step: see Teaching
	Ratio  *G.Node // the probability of a true patch (scheduled sampling): see Teaching; nil: 1
}

// Decode gives the numbers of all values of the horizon, B×H×M each, from the states after the past, with the decoder
// as one scan. Gradients flow through what it reads of its own.
func (m *Forecaster) Decode(b *op.Builder, states []*G.Node, in ForecastInput, teach ForecastTeaching) []*G.Node {
	if !m.fits(b, in) || !ranked(b, "forecaster", in.Past, 3) {
		return m.broken(b)
	}
	if (teach.Truth == nil) != (teach.Weight == nil) || teach.Ratio != nil && (teach.Key == nil || teach.Truth == nil) {
		b.Fail(errors.New("forecaster: teaching needs a Truth with its Weight, and a Ratio needs both and a Key"))
		return m.broken(b)
	}
	steps, batch, values := m.patches(), in.Past.Shape()[1], m.Patch*m.Targets
	last := b.Slice(in.Past, 0, in.Past.Shape()[0]-1, in.Past.Shape()[0])
	before := b.Slice(b.Reshape(last, batch, in.Past.Shape()[2]), 1, 0, values) // B×PM

	scan := op.Scan{Name: "forecast decoder", Seqs: []*G.Node{m.byPatch(b, in.Base)},
		States: append([]*G.Node{before}, m.Begin(b, states)...)}
	add := func(n *G.Node) int { scan.Seqs = append(scan.Seqs, n); return len(scan.Seqs) - 1 }
	known, keys, truth := -1, -1, -1
	if in.Known != nil {
		known = add(in.Known)
	}
	if teach.Key != nil {
		keys = add(b.Keys(teach.Key, steps))
	}
	if teach.Truth != nil {
		truth = add(m.byPatch(b, teach.Truth))
		add(m.byPatch(b, teach.Weight))
	}
	run := b.Scan(scan, func(b *op.Builder, s op.In) op.Out {
		step := ForecastStep{Before: s.States[0], Static: in.Static, Base: s.Seqs[0], States: s.States[1:]}
		if known >= 0 {
			step.Known = s.Seqs[known]
		}
		if keys >= 0 {
			step.Key = s.Seqs[keys]
		}
		numbers, next := m.Step(b, step)
		if b.Err() != nil {
			return op.Out{States: s.States}
		}
		read := m.Loss.Feed(b, numbers)
		if truth >= 0 {
			taught := b.Where(s.Seqs[truth+1], s.Seqs[truth], read)
			if teach.Ratio != nil {
				taught = b.Where(b.Lt(b.Uniform(step.Key, teach.Ratio, batch, 1), teach.Ratio), taught, read)
			}
			read = taught
		}
		return op.Out{States: append([]*G.Node{read}, next...), Outs: numbers}
	})
	all, _ := m.Loss.Numbers()
	numbers := make([]*G.Node, all)
	for i := range numbers {
		x := b.Reshape(b.Transpose(run.Outs[i], 1, 0, 2), batch, steps*m.Patch, m.Targets)
		numbers[i] = b.Slice(x, 1, 0, m.Horizon)
	}
	return numbers
}

// byPatch cuts B×H×M into the patches of the decoder, D×B×PM, with zeros behind the horizon.
func (m *Forecaster) byPatch(b *op.Builder, x *G.Node) *G.Node {
	if !ranked(b, "forecaster", x, 3) {
		return b.Fail(b.Err())
	}
	batch, steps := x.Shape()[0], m.patches()
	if more := steps*m.Patch - m.Horizon; more > 0 {
		x = b.Pad(x, 1, 0, more)
	}
	return b.Transpose(b.Reshape(x, batch, steps, m.Patch*m.Targets), 1, 0, 2)
}
