package main

import "github.com/unroll-ml/unroll/trainer/run"

// softmaxFlags say how a model of many tokens predicts the next one.
type softmaxFlags struct {
	Softmax        string `group:"Model:" enum:"${softmaxes}" default:"full" help:"How the next token is predicted, for large vocabularies of words: ${enum}. adaptive: rare words cost little, another model; sampled: training compares with a few words only, the same model as full."`
	Cutoffs        []int  `group:"Model:" placeholder:"N,..." help:"Of --softmax adaptive: how many of the most frequent tokens are in the head, and where further clusters begin. Default: what costs least."`
	SoftmaxSamples *int   `group:"Model:" placeholder:"N" help:"Of --softmax sampled: tokens that stand for all others in a step. Default: ${softmaxSamples}, or half of all."`
}

// into writes the flags into a config.
func (f *softmaxFlags) into(m *run.Model) error {
	if f.SoftmaxSamples != nil && *f.SoftmaxSamples < 1 {
		return usage("--softmax-samples is %d: it must be at least 1", *f.SoftmaxSamples)
	}
	if f.Softmax != run.FullSoftmax {
		m.Softmax = f.Softmax
	}
	m.Cutoffs = f.Cutoffs
	set(&m.Samples, f.SoftmaxSamples)
	return nil
}
