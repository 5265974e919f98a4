package models_test

import (
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/models"
)

// plainSeq2Seq is a sequence-to-sequence model by plain loops over its equations, for one sequence without padding.
type plainSeq2Seq struct {
	models.Seq2SeqConfig
	w map[string][]float64
}

func (p *plainSeq2Seq) sourceEmbedding() []float64 { return p.w["encoder.embedding.weight"] }
func (p *plainSeq2Seq) targetEmbedding() []float64 {
	if p.Shared {
		return p.sourceEmbedding()
	}
	return p.w["decoder.embedding.weight"]
}

func zeros(n, size int) [][]float64 {
	z := make([][]float64, n)
	for i := range z {
		z[i] = make([]float64, size)
	}
	return z
}

func concat(xs ...[]float64) []float64 {
	var all []float64
	for _, x := range xs {
		all = append(all, x...)
	}
	return all
}

// plainState is what a decoder carries from step to step, and what it sees of the source.
type plainState struct {
	layers      [][]float64
	attentional []float64
	memory      [][]float64
	context     []float64
}

// encode reads a source.
func (p *plainSeq2Seq) encode(source []int32) plainState {
	var xs [][]float64
	for _, t := range source {
		xs = append(xs, p.sourceEmbedding()[int(t)*p.Embed:][:p.Embed])
	}
	per := 1
	if p.Cell.(models.CellConfig).Kind == "lstm" {
		per = 2
	}
	c := models.RecurrentConfig{Cell: p.Cell, Layers: p.Layers, Bidirectional: p.Bidirectional}
	memory, last := layersOf(c, p.w, "encoder.rnn", xs, zeros(p.Layers*per*(1+btoi(p.Bidirectional)), p.Hidden))
	s := plainState{layers: last, memory: memory, attentional: make([]float64, p.Hidden)}
	s.context = last[len(last)-per]
	if p.Bidirectional {
		s.context = concat(last[len(last)-2*per], last[len(last)-per])
		s.layers = nil
		for l := range p.Layers {
			for k := range per {
				name := fmt.Sprintf("bridge.state%d_l%d", k, l)
				z := affine(p.w[name+".weight"], p.w[name+".bias"], concat(last[2*l*per+k], last[2*l*per+per+k]))
				if k == 0 {
					for j := range z {
						z[j] = math.Tanh(z[j])
					}
				}
				s.layers = append(s.layers, z)
			}
		}
	}
	return s
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// score is how much a query has to do with an element of the memory.
func (p *plainSeq2Seq) score(query, m []float64) float64 {
	w := func(name string) []float64 { return p.w["decoder.attention."+name] }
	squashed := func(z []float64) []float64 {
		for j := range z {
			z[j] = math.Tanh(z[j])
		}
		return z
	}
	switch p.Attention {
	case models.Dot{}:
		return dot(query, m)
	case models.General{}:
		return dot(query, affine(w("weight"), nil, m))
	case models.Additive{}:
		z := affine(w("query.weight"), nil, query)
		for j, x := range affine(w("memory.weight"), nil, m) {
			z[j] += x
		}
		return dot(w("v"), squashed(z))
	case models.Concat{}:
		return dot(w("v"), squashed(affine(w("weight"), nil, concat(query, m))))
	}
	panic(p.Attention)
}

func (p *plainSeq2Seq) attend(query []float64, memory [][]float64) (context, weights []float64) {
	sum := 0.0
	for _, m := range memory {
		weights = append(weights, math.Exp(p.score(query, m)))
		sum += weights[len(weights)-1]
	}
	context = make([]float64, len(memory[0]))
	for s, m := range memory {
		weights[s] /= sum
		for j := range m {
			context[j] += weights[s] * m[j]
		}
	}
	return context, weights
}

// step is one step of the decoder; it replaces the state.
func (p *plainSeq2Seq) step(token int32, s *plainState) (logits, weights []float64) {
	e := p.targetEmbedding()[int(token)*p.Embed:][:p.Embed]
	per := len(s.layers) / p.Layers
	x, context := e, s.context
	if p.Before {
		context, weights = p.attend(s.layers[(p.Layers-1)*per], s.memory)
	}
	if p.Before || p.EveryStep {
		x = concat(e, context)
	}
	if p.Feeding {
		x = concat(e, s.attentional)
	}
	ys, layers := layersOf(models.RecurrentConfig{Cell: p.Cell, Layers: p.Layers}, p.w, "decoder.rnn",
		[][]float64{x}, s.layers)
	h := ys[0]
	s.layers = layers
	features := h
	switch {
	case p.Before || p.EveryStep:
		features = concat(h, context, e)
	case p.Attention != nil:
		context, weights = p.attend(h, s.memory)
		features = affine(p.w["decoder.attentional.weight"], nil, concat(context, h))
		for j := range features {
			features[j] = math.Tanh(features[j])
		}
		s.attentional = features
	}
	out := p.w["decoder.output.weight"]
	if p.Tied {
		out = p.targetEmbedding()
		if w, ok := p.w["decoder.projection.weight"]; ok {
			features = affine(w, nil, features)
		}
	}
	return affine(out, p.w["decoder.output.bias"], features), weights
}

func logSoftmax(x []float64) []float64 {
	most := x[0]
	for _, v := range x {
		most = max(most, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v - most - math.Log(sum)
	}
	return y
}

func argmax(x []float64) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}
