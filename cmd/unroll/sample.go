package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/apply"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// sampleCmd writes text with a trained language model.
type sampleCmd struct {
	Dir         string  `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Prompt      string  `placeholder:"TEXT" help:"Go on from this text. Without it: from the start of a line."`
	Length      int     `default:"500" help:"Tokens to write after the prompt: characters, unless the model was trained on words or byte pairs."`
	Temperature float64 `default:"0.8" help:"Divide the logits by this: lower is more conservative; 0 always takes the most likely token."`
	TopK        int     `name:"top-k" default:"0" help:"Sample from the K most likely tokens; 0: from all."`
	TopP        float64 `name:"top-p" default:"1" help:"Sample from the fewest tokens whose probabilities sum to P; 1: from all."`
	Seed        uint64  `default:"1" help:"Seed of sampling: another seed, another text."`
	SkipUnknown bool    `help:"Leave out characters of the prompt that a model of characters does not know."`
	JSON        bool    `name:"json" help:"Write one JSON object with the prompt and the text after it, when all of it is there."`
	useFlags
}

// useFlags are what all commands share that use a trained model.
type useFlags struct {
	Checkpoint string `placeholder:"NAME" help:"Which checkpoint of the run: best, last, or the step of one that was kept. Default: best, or last before the first validation."`
	Weights    string `enum:"${weightTypes}" default:"fp32" help:"How products see the weights: ${enum}. int8 is for the CPU: faster for one sequence at a time, and less exact."`
	deviceFlags
}

func (u *useFlags) check() error {
	if err := u.deviceFlags.check(); err != nil || u.Weights != device.INT8 {
		return err
	}
	if u.Device != device.CPU && u.Device != device.Auto {
		return usage("--weights %s are for --device cpu, and the device is %s: leave one of them out", u.Weights, u.Device)
	}
	if device.NeedsGPU(u.Precision) {
		return usage("--weights %s are for the CPU, and --precision %s is not: leave one of them out", u.Weights, u.Precision)
	}
	return nil
}

// onDevice opens the device that the flags name.
func (u *useFlags) onDevice(a *app) ([]run.Option, error) {
	return a.runOptions(u.running(), device.Weights(u.Weights))
}

// open opens a run to use its model, which must be of one of some tasks, if there are any.
func (u *useFlags) open(a *app, dir string, tasks ...string) (*run.Run, error) {
	if _, err := strconv.ParseUint(u.Checkpoint, 10, 31); err != nil &&
		!slices.Contains([]string{"", run.Best, run.Last}, u.Checkpoint) {
		return nil, usage("--checkpoint is %q: it must be best, last, or the step of one that was kept", u.Checkpoint)
	}
	return a.openRun("RUN", dir, u.Checkpoint, tasks...)
}

// openAll opens runs that answer together: see run.Join.
func (u *useFlags) openAll(a *app, dirs []string, tasks ...string) (*run.Run, error) {
	var all []*run.Run
	for _, dir := range dirs {
		r, err := u.open(a, dir, tasks...)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all[0], all[0].Join(all[1:]...)
}

// openRun opens a run that an argument of that name names. It says so if another checkpoint is used than the best one.
func (a *app) openRun(name, dir, checkpoint string, tasks ...string) (*run.Run, error) {
	r, err := run.Open(dir, run.Checkpoint(checkpoint))
	if err == nil {
		err = r.Want(tasks...)
	}
	var (
		noRun *run.NotARunError
		task  *run.TaskError
		input *run.InputError
	)
	switch {
	case errors.As(err, &noRun):
		return nil, fail(exitData, "%s: %s %s: give the folder that unroll train wrote", name, noRun.Dir, noRun.What)
	case errors.As(err, &task):
		return nil, fail(exitData, "%s: %s holds %s: this command is for %s", name, task.Dir, run.TaskName(task.Task),
			task.Wanted())
	case errors.As(err, &input):
		return nil, fail(exitNoInput, "%s: %v", name, input)
	}
	if err == nil && checkpoint == "" && r.Checkpoint() != run.Best {
		notice(a.stderr)(fmt.Sprintf("%s was not validated yet, so there is no best checkpoint: the last one is used", dir))
	}
	return r, err
}

// compute gets the device ready that the flags name, for the model of a run.
func (u *useFlags) compute(a *app, r *run.Run) error {
	opts, err := u.onDevice(a)
	if err == nil {
		r.Use(opts...)
	}
	return err
}

func (s *sampleCmd) Run(a *app) error {
	if s.Length < 1 {
		return usage("--length is %d: it must be at least 1", s.Length)
	}
	how := decode.Sampling{Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP}
	if err := how.Check(); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	r, err := s.open(a, s.Dir, run.TaskLM)
	if err != nil {
		return err
	}
	var prompt []int32
	var known datasets.Coverage
	if s.Prompt != "" {
		// A prompt that the model cannot read is bad data, not a wrong command line: it depends on what the run
		// has learned.
		if prompt, known, err = r.Prompt("--prompt", s.Prompt, s.SkipUnknown); err != nil {
			return err
		}
		if what := run.UnknownWords("--prompt", known); what != "" {
			notice(a.stderr)(what)
		}
	}
	if err := s.compute(a, r); err != nil {
		return err
	}
	lm, err := r.LanguageModel()
	if err != nil {
		return err
	}
	defer lm.Close()
	w := apply.Sampler{Model: lm, Sampling: how, Seed: s.Seed, Length: s.Length, To: a.texts()}
	p := apply.Prompt{Given: s.Prompt, Tokens: prompt, Text: r.Vocab().Decode(prompt), Unknown: known.Unknown}
	if s.JSON {
		return w.JSON(context.Background(), p)
	}
	return w.Text(context.Background(), p)
}
