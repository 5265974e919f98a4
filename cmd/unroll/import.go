package main

import (
	"fmt"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// importCmd makes a run of a model that PyTorch or Keras has trained.
type importCmd struct {
	TorchSafetensors string   `placeholder:"FILE" xor:"weights" required:"" help:"The weights, as PyTorch's modules have them."`
	KerasSafetensors string   `placeholder:"FILE" xor:"weights" required:"" help:"The weights, as layers of Keras have them."`
	Config           string   `placeholder:"FILE" required:"" help:"Task and model, as a run's config.yaml has them."`
	Vocab            string   `placeholder:"FILE" help:"The tokens by number: one a line, or JSON."`
	TargetVocab      string   `placeholder:"FILE" help:"Of a translator: those of the targets, as JSON of unroll."`
	Labels           string   `placeholder:"FILE" help:"Of a classifier: its labels in order, one a line, or JSON."`
	Map              []string `placeholder:"THEIRS=OURS" sep:"none" help:"What a name of the file becomes: {n} is a number, {rest} any text. With nothing behind =: leave it out."`
	Out              string   `placeholder:"RUN" required:"" help:"Folder of the run."`
}

func (k *importCmd) Run(a *app) error {
	c := run.ImportConfig{Weights: k.TorchSafetensors + k.KerasSafetensors, Keras: k.KerasSafetensors != "",
		Config: k.Config, Map: k.Map, Vocab: k.Vocab, Target: k.TargetVocab, Labels: k.Labels}
	r, err := run.Import(k.Out, c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.prose(), "%s: %s with %s weights\n", k.Out, run.TaskName(r.Config().Task),
		words.Thousands(int(r.Config().Weights())))
	return err
}
