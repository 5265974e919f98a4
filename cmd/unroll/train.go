package main

import (
	"fmt"
	"time"

	"github.com/pkg/errors"
)

// trainCmd is the group of commands that train; see chooseTask.
type trainCmd struct {
	Seq2Seq  trainSeq2SeqCmd  `cmd:"" name:"seq2seq" help:"Train a model that turns texts into others: translations, transliterations, dates. Without data: the demo."`
	LM       trainLMCmd       `cmd:"" name:"lm" help:"Train a language model on a text."`
	Classify trainClassifyCmd `cmd:"" help:"Train a classifier of texts or images."`
}

// trainFlags are the flags of all commands that train.
type trainFlags struct {
	Steps   *int     `group:"Training:" placeholder:"N" xor:"length" help:"Train for so many steps."`
	Epochs  *int     `group:"Training:" placeholder:"N" xor:"length" help:"Train for so many passes over the ${data}. ${epochs} if nothing else is said${epochsNote}."`
	Minutes *float64 `group:"Training:" placeholder:"M" xor:"length" help:"Train for so long."`
	Seed    uint64   `group:"Training:" default:"1" help:"Seed of the initial weights${seedNote}."`

	optimizerFlags `kong:"embed"`

	ValidEvery      *int `group:"Running:" placeholder:"N" xor:"valid" help:"Measure the held-out ${data} every N steps. Default: after each epoch${validNote}."`
	ValidEpochs     *int `group:"Running:" placeholder:"N" xor:"valid" help:"Measure the held-out ${data} every N epochs."`
	CheckpointEvery *int `group:"Running:" placeholder:"N" help:"Save every N steps, too, not only when the held-out ${data} ${is} measured."`
	Keep            int  `group:"Running:" placeholder:"K" default:"2" help:"Keep the last K checkpoints, the best one besides. Default: ${default}."`
	LogEvery        *int `group:"Running:" placeholder:"N" help:"Show every N steps. Default: ${logEvery}, and at most one line a second. log.jsonl has every step."`
	TensorBoard     bool `group:"Running:" name:"tensorboard" help:"Write the files that TensorBoard reads into the folder of the run, too."`

	deviceFlags `kong:"embed,group='Running:'"`

	Out       string `group:"Running:" placeholder:"DIR" help:"Folder of the run. Default: the first free of runs/${task}-1, runs/${task}-2 ..."`
	Resume    string `group:"Running:" enum:"auto,never" default:"auto" help:"auto: continue the run in --out, if it is the same and not finished. never: refuse."`
	Overwrite bool   `group:"Running:" help:"Replace the run in --out."`
	JSON      bool   `group:"Running:" name:"json" help:"Write JSON, an object a line, instead of text."`
}

const (
	defaultEpochs = 10
	defaultLog    = 10
)

// check says what is wrong with the flags that can be judged by themselves.
func (t *trainFlags) check() error {
	for _, f := range []struct {
		flag  string
		value *int
	}{
		{"steps", t.Steps}, {"epochs", t.Epochs}, {"valid-every", t.ValidEvery}, {"valid-epochs", t.ValidEpochs}, {"checkpoint-every", t.CheckpointEvery},
		{"log-every", t.LogEvery},
	} {
		if f.value != nil && *f.value < 1 {
			return usage("--%s is %d: it must be at least 1", f.flag, *f.value)
		}
	}
	if t.Keep < 1 {
		return usage("--keep is %d: it must be at least 1", t.Keep)
	}
	if t.Minutes != nil && !(*t.Minutes > 0) {
		return usage("--minutes is %g: it must be larger than 0", *t.Minutes)
	}
	if t.Overwrite && t.Out == "" {
		return usage("--overwrite needs --out: without it a new folder is made")
	}
	if err := t.deviceFlags.check(); err != nil {
		return err
	}
	return t.optimizerFlags.checkFlags()
}

// limited says whether a flag says how long to train.
func (t *trainFlags) limited() bool { return t.Steps != nil || t.Epochs != nil || t.Minutes != nil }

// config is what the flags ask for.
func (t *trainFlags) config(task string) *config {
	c := &config{Format: configFormat, Task: task}
	c.Training = t.optimizerFlags.config()
	c.Training.Seed = t.Seed
	c.Running = t.running()
	set(&c.Training.Steps, t.Steps)
	set(&c.Training.Epochs, t.Epochs)
	set(&c.Training.Minutes, t.Minutes)
	if !t.limited() {
		c.Training.Epochs = defaultEpochs
	}
	set(&c.Training.ValidEvery, t.ValidEvery)
	set(&c.Training.ValidEpochs, t.ValidEpochs)
	set(&c.Training.CheckpointEvery, t.CheckpointEvery)
	return c
}

// set overrides a default where a flag was given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// train trains what load gives, which completes the config with what the data says.
func (t *trainFlags) train(a *app, c *config, load func() (task, error)) error {
	folder, err := openRunFolder(t.Out, c.Task)
	if err != nil {
		return err
	}
	defer folder.close()
	stop := listen(a.stderr, folder.abandon)
	defer stop.close()
	if t.Resume == "never" && folder.before != nil && !t.Overwrite {
		return fail(exitNoOutput, "%s holds a run: --overwrite to replace it, or choose another folder with --out", folder.dir)
	}
	r, err := t.prepare(a, folder, c, load)
	if err != nil {
		folder.abandon()
		return err
	}
	defer r.close()
	r.stop = stop
	return r.gpuFailed(r.run())
}

// patience is how long nothing may be said.
const patience = 5 * time.Second

// prepare loads the data, builds the model, and either continues the run in the folder or begins a new one. Until all of that has
// succeeded nothing in the folder changes.
func (t *trainFlags) prepare(a *app, folder *runFolder, c *config, load func() (task, error)) (*training, error) {
	if err := c.Running.open(a.stderr); err != nil {
		return nil, err
	}
	reading := time.AfterFunc(patience, func() { fmt.Fprintln(a.stderr, "unroll: reading the data; Ctrl-C to stop") })
	work, err := load()
	reading.Stop()
	if err != nil {
		return nil, err
	}
	limit := newBudget(&c.Training, work.epoch())
	if err := c.Training.complete(limit.steps, work.epoch()); err != nil {
		return nil, err
	}
	r := &training{
		args: a.args, folder: folder, config: c, task: work, budget: limit,
		logEvery: defaultLog, keep: t.Keep, json: t.JSON,
		out: &deafWriter{w: a.stdout, gone: func(err error) {
			fmt.Fprintf(a.stderr, "unroll: stdout cannot be written (%v): training goes on, its log is %s\n", errors.Cause(err), folder.path(logName))
		}},
	}
	set(&r.logEvery, t.LogEvery)
	if t.TensorBoard {
		r.board = &board{}
	}
	r.report = newReporter(r.out, t.JSON, t.LogEvery != nil, r.budget)
	if folder.before != nil && !t.Overwrite {
		if err := mayContinue(folder, c); err != nil {
			return nil, err
		}
	}
	if err := work.build(); err != nil {
		return nil, r.gpuFailed(err)
	}
	if err := r.place(a.stderr, t.Overwrite); err != nil {
		work.Close()
		return nil, err
	}
	return r, nil
}
