package models_test

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/models"
)

// recurrentTorchModels are the cases of class Layers.
func recurrentTorchModels() map[string]torchModel {
	all := map[string]torchModel{}
	for name, cell := range map[string]models.CellConfig{
		"rnn": {Kind: "rnn"}, "relu": {Kind: "rnn", Activation: "relu"}, "gru": {Kind: "gru"}, "lstm": {Kind: "lstm"},
	} {
		for stack, c := range map[string]models.RecurrentConfig{
			"1":      {Layers: 1},
			"2":      {Layers: 2},
			"2-both": {Layers: 2, Bidirectional: true},
		} {
			c.Cell = cell
			all[fmt.Sprintf("%s-%s", name, stack)] = recurrentTorchModel(c, false)
			all[fmt.Sprintf("%s-%s-packed", name, stack)] = recurrentTorchModel(c, true)
		}
	}
	return all
}

// recurrentTorchModel has the loss Σ y² + Σ_k (k+1)·(h_k² + c_k²), over the outputs of valid steps and the last
// states of all layers and directions k. PyTorch's outputs behind the end of a packed sequence are zeros.
func recurrentTorchModel(c models.RecurrentConfig, packed bool) torchModel {
	return func(r *replay) map[string]*G.Node {
		b := r.b
		xs := r.input("xs") // T×B×I
		c.Input, c.Hidden = xs.Shape()[2], r.shape("param.layers.weight_hh_l0")[1]
		layers, err := models.NewRecurrent(r.p, "layers", c)
		if err != nil {
			r.t.Fatal(err)
		}
		var mask *G.Node
		if packed {
			lengths := r.input("lengths") // B
			mask = b.Lt(b.Iota(lengths, 0, xs.Shape()[:2]...), lengths)
		}
		kinds := []string{"h"}
		if c.Cell.(models.CellConfig).Kind == "lstm" {
			kinds = append(kinds, "c")
		}
		// PyTorch stacks the states of a kind, (layers·directions)×B×H; here they come layer by layer.
		ways := r.shape("input.h0")[0]
		first := make([]*G.Node, ways*len(kinds))
		for i, kind := range kinds {
			for k, s := range b.Split(r.input(kind+"0"), 0, ways) {
				first[k*len(kinds)+i] = b.Squeeze(s, 0)
			}
		}
		ys, last := layers.Apply(b, models.Input{X: xs, Mask: mask, States: first})
		if packed {
			ys = b.Mul(ys, b.Expand(b.Cast(mask, ys), -1))
		}
		outputs, loss := map[string]*G.Node{"outputs": ys}, b.Sum(b.Square(ys))
		for i, kind := range kinds {
			var states []*G.Node
			for k := range ways {
				s := last[k*len(kinds)+i]
				states, loss = append(states, s), b.Add(loss, b.Affine(b.Sum(b.Square(s)), float64(k+1), 0))
			}
			outputs[kind+"_n"] = b.Stack(0, states...)
		}
		outputs["loss"] = loss
		return outputs
	}
}

// attentionTorchModels are the cases of class Translator.
func attentionTorchModels() map[string]torchModel {
	all := map[string]torchModel{}
	for name, c := range map[string]models.Seq2SeqConfig{
		"bahdanau": {Cell: models.CellConfig{Kind: "gru"}, Layers: 1, Attention: models.Additive{}, Bidirectional: true, Before: true},
		"bahdanau-tied": {
			Cell: models.CellConfig{Kind: "lstm"}, Layers: 2, Attention: models.Additive{}, Before: true, Tied: true,
			Smoothing: 0.1,
		},
		"luong-dot":     {Cell: models.CellConfig{Kind: "lstm"}, Layers: 2, Attention: models.Dot{}},
		"luong-general": {Cell: models.CellConfig{Kind: "gru"}, Layers: 1, Attention: models.General{}, Bidirectional: true, Feeding: true},
		"luong-concat":  {Cell: models.CellConfig{Kind: "rnn"}, Layers: 2, Attention: models.Concat{}, Bidirectional: true, Smoothing: 0.1},
	} {
		all[name] = func(r *replay) map[string]*G.Node {
			source, target := r.shape("param.encoder.embedding.weight"), r.shape("param.decoder.embedding.weight")
			c.Source, c.Target, c.Embed, c.Tokens = source[0], target[0], target[1], models.DefaultTokens
			c.Hidden = r.shape("param.decoder.rnn.weight_hh_l0")[1]
			m, err := models.NewSeq2Seq(r.p, c)
			if err != nil {
				r.t.Fatal(err)
			}
			tokens := r.input("target")
			p := m.Predict(r.b, r.input("source"), tokens, models.Teaching{})
			return map[string]*G.Node{"logits": p.Logits, "weights": p.Weights, "loss": m.Loss(r.b, p.Logits, tokens)}
		}
	}
	return all
}

// softmaxTorchModels are the cases of class LanguageModel.
func softmaxTorchModels() map[string]torchModel {
	all := map[string]torchModel{}
	for name, c := range map[string]models.LMConfig{
		"lm-adaptive":     {Softmax: models.Softmax{Cutoffs: []int{6, 15}}},
		"lm-adaptive-one": {Softmax: models.Softmax{Cutoffs: []int{9}}},
		"lm-sampled":      {Softmax: models.Softmax{Samples: 7}},
		"lm-sampled-tied": {Softmax: models.Softmax{Samples: 7}, Tied: true},
	} {
		all[name] = func(r *replay) map[string]*G.Node {
			table := r.shape("param.embedding.weight")
			c.Vocab, c.Embed, c.Hidden, c.Layers = table[0], table[1], r.shape("param.rnn.weight_hh_l0")[1], 1
			c.Cell = models.CellConfig{Kind: "gru"}
			m, err := models.NewLM(r.p, c)
			if err != nil {
				r.t.Fatal(err)
			}
			targets := r.input("targets")
			aid := &models.Aid{}
			if c.Softmax.Samples > 0 {
				aid.Samples, aid.Tries = r.input("samples"), r.input("tries")
			}
			for i, rows := range c.Softmax.Rows(r.want["input.targets"].Data.([]int32)) {
				rows = append(rows, r.outside(c.Softmax, i)) // room that is left
				aid.Rows = append(aid.Rows, G.NewVector(r.b.Graph(), tensor.Int32, G.WithShape(len(rows)),
					G.WithName(fmt.Sprint("rows", i)),
					G.WithValue(tensor.New(tensor.WithShape(len(rows)), tensor.WithBacking(rows)))))
			}
			in := models.Input{X: r.input("tokens"), States: m.States(r.b, targets.Shape()[1])}
			losses, _ := m.Losses(r.b, in, targets, aid)
			logits, _ := m.Logits(r.b, in)
			return map[string]*G.Node{"log_probs": r.b.LogSoftmax(r.b.Reshape(logits, -1, c.Vocab)), "loss": r.b.Mean(losses)}
		}
	}
	return all
}

// outside is the place of a target that is not in a tail.
func (r *replay) outside(s models.Softmax, tail int) int32 {
	return int32(slices.IndexFunc(r.want["input.targets"].Data.([]int32), func(t int32) bool { return s.Tail(t) != tail }))
}
