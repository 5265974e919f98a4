package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/configfile"
	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/internal/joint"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// trainCmd is the group of commands that train; cmdline.Complete chooses one where none is named.
type trainCmd struct {
	Seq2Seq  trainSeq2SeqCmd  `cmd:"" name:"seq2seq" help:"Train a model that turns texts into others: translations, transliterations, dates. Without data: the demo."`
	LM       trainLMCmd       `cmd:"" name:"lm" help:"Train a language model on a text."`
	Classify trainClassifyCmd `cmd:"" help:"Train a classifier of texts, images or series of numbers."`
	Tag      trainTagCmd      `cmd:"" help:"Train a tagger, which gives each word of a sentence a tag."`
	Regress  trainRegressCmd  `cmd:"" help:"Train a model that gives series of numbers a number."`
	Forecast trainForecastCmd `cmd:"" help:"Train a forecaster of time series."`
}

// trainFlags are the flags of all commands that train.
type trainFlags struct {
	Steps   *int     `group:"Training:" placeholder:"N" xor:"length" help:"Number of training steps."`
	Epochs  *int     `group:"Training:" placeholder:"N" xor:"length" help:"Number of passes over the ${data}. ${epochs} if nothing else is said${epochsNote}."`
	Minutes *float64 `group:"Training:" placeholder:"M" xor:"length" help:"Training time in minutes."`
	Seed    uint64   `group:"Training:" default:"1" help:"Seed of the initial weights${seedNote}."`

	Recipe      string `group:"Running:" placeholder:"NAME" xor:"config" help:"Train as this recipe says: see unroll recipes. Flags come before what it says."`
	Config      string `group:"Running:" placeholder:"FILE" xor:"config" help:"Train as this configuration says, such as the config.yaml of a run. Flags come before what it says."`
	PrintConfig bool   `group:"Running:" help:"Print the configuration, with a comment for each setting, and do not train."`
	Set         string `group:"Data:" name:"data" placeholder:"NAME" help:"Train on this data set, which is fetched if it is not there: see unroll data list."`

	From string `group:"Training:" placeholder:"RUN" help:"Start from the weights and vocabularies of this run (fine-tuning): the model is that of RUN, everything else is new."`

	optimizerFlags `kong:"embed"`

	ValidEvery      *int `group:"Running:" placeholder:"N" xor:"valid" help:"Validate every N steps. Default: after each epoch${validNote}. Before the first step, too, where it takes no longer than 0.4 s: without what an untrained model would write."`
	ValidEpochs     *int `group:"Running:" placeholder:"N" xor:"valid" help:"Validate every N epochs."`
	CheckpointEvery *int `group:"Running:" placeholder:"N" help:"Save every N steps, too, not only after validation."`
	Keep            int  `group:"Running:" placeholder:"K" default:"2" help:"Keep the last K checkpoints, the best one besides. Default: ${default}."`
	LogEvery        *int `group:"Running:" placeholder:"N" help:"Show every N steps. Default: ${logEvery}, and at most one line a second. log.jsonl has every step."`
	TensorBoard     bool `group:"Running:" name:"tensorboard" help:"Write the files that TensorBoard reads into the folder of the run, too."`

	MPI bool `group:"Running:" name:"mpi" help:"Train together with the other processes that mpirun or srun has started: they share the parts of --accumulate."`

	deviceFlags `kong:"embed,group='Running:'"`

	Memory    *string `group:"Running:" placeholder:"BYTES" xor:"recompute" help:"The most memory that training may take, such as 500MB or 2GiB: if it would take more, a part of what the way back needs is computed again. The numbers are the same."`
	Recompute *int    `group:"Running:" placeholder:"K" xor:"recompute" help:"Keep every K-th state of a recurrence only, and compute the others again on the way back: less memory, and about a third more time. The numbers are the same."`

	Out       string `group:"Running:" placeholder:"DIR" help:"Folder of the run. Default: the first free of runs/${task}-1, runs/${task}-2 ..."`
	Resume    string `group:"Running:" enum:"auto,never,must" default:"auto" help:"auto: continue the run in --out, or without --out the newest run with the same settings, if it is not finished; if there is none, begin one. never: begin a new one, or refuse. must: continue one, or refuse."`
	Overwrite bool   `group:"Running:" help:"Replace the run in --out."`
	JSON      bool   `group:"Running:" name:"json" help:"Write JSON, an object a line, instead of text."`

	gridFlags `kong:"embed"`
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
		{"steps", t.Steps}, {"epochs", t.Epochs}, {"valid-every", t.ValidEvery}, {"valid-epochs", t.ValidEpochs},
		{"checkpoint-every", t.CheckpointEvery}, {"keep", &t.Keep}, {"log-every", t.LogEvery}, {"recompute", t.Recompute},
	} {
		if f.value != nil && *f.value < 1 {
			return usage("--%s is %d: it must be at least 1", f.flag, *f.value)
		}
	}
	if t.Minutes != nil && !(*t.Minutes > 0) {
		return usage("--minutes is %g: it must be larger than 0", *t.Minutes)
	}
	if t.Overwrite && t.Resume == "must" {
		return usage("--overwrite replaces a run and --resume must continues it: leave one of them out")
	}
	if t.Overwrite && t.Out == "" {
		return usage("--overwrite needs --out: without it a new folder is made")
	}
	if t.Memory != nil {
		if n, err := words.ParseBytes(*t.Memory); err != nil || n < 1 {
			return usage("--memory is %q: it must be a number of bytes, such as 500MB or 2GiB", *t.Memory)
		}
	}
	if err := t.deviceFlags.check(); err != nil {
		return err
	}
	return t.optimizerFlags.checkFlags()
}

// limited says whether a flag says how long to train.
func (t *trainFlags) limited() bool { return t.Steps != nil || t.Epochs != nil || t.Minutes != nil }

// config is what the flags ask for.
func (t *trainFlags) config(task string) *run.Config {
	c := &run.Config{Task: task}
	c.Training = t.optimizerFlags.config()
	c.Training.Seed = t.Seed
	c.Running = t.running()
	set(&c.Running.Recompute, t.Recompute)
	if t.Memory != nil {
		c.Running.Memory, _ = words.ParseBytes(*t.Memory) // which check has read
	}
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

// train trains what a config asks for.
func (t *trainFlags) train(a *app, c *run.Config) error {
	return joint.Run(a.joint(t.MPI), func(w *joint.World) error { return t.trainIn(w, a, c) })
}

// joint is how a command works together with others.
func (a *app) joint(mpi bool) joint.Options {
	fatal := func(err error) int { return say(a.stderr, advise(gpuFailure(err))) }
	return joint.Options{MPI: mpi, Stderr: a.stderr, Fatal: fatal}
}

// trainIn trains together with others, of which the first has the folder.
func (t *trainFlags) trainIn(w *joint.World, a *app, c *run.Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	if t.PrintConfig {
		_, err := a.stdout.Write(configfile.Commented(a.command, c))
		return errors.WithStack(err)
	}
	if err := a.fetch(a.line.Sets); err != nil {
		return err
	}
	c.Running.Threads = w.Threads(c.Running.Threads)
	resume := func(dir string) string { return cmdline.Resume(calledAs, a.args, dir) }
	say := func(message, command string) {
		to := w.Stderr(a.stderr)
		if terminal.Is(to) { // which shows a progress bar, and ^C behind it
			fmt.Fprintln(to)
		}
		report.Say(to, message, command)
	}
	stop := interrupt.Listen(interrupt.Options{Say: say, Code: exitStopped, Resume: resume})
	defer stop.Close()
	if w.Rank() > 0 {
		return w.Follow(stop, func() (run.Task, error) { return t.load(w, a, c, nil) })
	}
	folder, err := run.FolderFor(c.Task, t.Out, t.Resume, t.Overwrite)
	if err != nil {
		return err
	}
	defer func() { folder.Close() }()
	stop.Use(folder)
	task, err := t.load(w, a, c, folder)
	if err != nil {
		folder.Abandon()
		return err
	}
	defer task.Close()
	if folder, err = t.goOn(a, folder, stop, task); err != nil {
		folder.Abandon()
		return err
	}
	if m := c.Running.Memory; m > 0 {
		debug.SetMemoryLimit(m) // so that garbage does not take what is left of it
	}
	p := &progress{stop: stop, stderr: a.stderr}
	p.Reporter = report.New(t.stdout(a, folder), t.JSON, t.LogEvery != nil)
	o := t.options(p)
	o.Encode = func(c *run.Config) []byte { return configfile.Commented(a.command, c) }
	end, err := folder.Train(stop.Context(), task, o)
	switch {
	case w.Trained(err) != nil:
		failure := trainError(err, resume(folder.Dir()), folder, task.Config())
		if !p.began {
			folder.Abandon()
		}
		return failure
	case t.JSON:
		return nil
	}
	if _, err := folder.Load(task, run.Best); err != nil {
		return err
	}
	example, err := report.Summary(context.Background(), p.Writer(), task, folder.Dir(), end)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Writer()); err != nil {
		return errors.WithStack(err)
	}
	return report.WriteNext(p.Writer(), report.Next(calledAs, task.Config(), folder.Dir(), example))
}

// goOn is the folder of an unfinished run that would take the same steps, if no folder is named and there is
// one; else the new folder.
func (t *trainFlags) goOn(a *app, fresh *run.Folder, stop *interrupt.Listener, task run.Task) (*run.Folder, error) {
	if t.Out != "" || t.Resume == "never" {
		return fresh, nil
	}
	dir := run.Unfinished(task)
	switch {
	case dir == "" && t.Resume == "must":
		return fresh, fail(exitNoInput, "there is no unfinished run with these settings in runs: name its folder with --out")
	case dir == "":
		return fresh, nil
	}
	folder, err := run.OpenFolder(dir)
	if locked := (*run.LockedError)(nil); errors.As(err, &locked) && t.Resume != "must" { // another process trains it
		return fresh, nil
	}
	if err != nil {
		return fresh, err
	}
	notice(a.stderr)(
		fmt.Sprintf("%s has the same settings and is not finished: it goes on; --resume never begins a new run", dir),
	)
	stop.Use(folder)
	fresh.Abandon()
	return folder, nil
}

// patience is how long nothing may be said.
const patience = 5 * time.Second

// load reads the data and makes the model, for a folder if this process has it.
func (t *trainFlags) load(w *joint.World, a *app, c *run.Config, folder *run.Folder) (run.Task, error) {
	opts, err := a.runOptions(c.Running, device.World(w))
	if err != nil {
		return nil, err
	}
	opts = append(opts, run.InWorld(w), run.In(folder))
	if t.From != "" {
		from, err := a.openRun("--from", t.From, "", c.Task)
		if err != nil {
			return nil, err
		}
		opts = append(opts, run.From(from, a.given...))
	}
	reading := time.AfterFunc(patience, func() { notice(a.stderr)("reading the data; Ctrl-C to stop") })
	defer reading.Stop()
	return run.Load(*c, opts...)
}

// stdout is what the training is reported to. It goes on if nobody reads that any more.
func (t *trainFlags) stdout(a *app, folder *run.Folder) *terminal.Output {
	return &terminal.Output{To: a.stdout, Gone: func(err error) {
		notice(a.stderr)(fmt.Sprintf("stdout cannot be written (%v): training goes on, its log is %s", errors.Cause(err),
			filepath.Join(folder.Dir(), run.LogName)))
	}}
}

func (t *trainFlags) options(p *progress) run.Options {
	o := run.Options{Report: p, Keep: t.Keep, TensorBoard: t.TensorBoard, Overwrite: t.Overwrite}
	set(&o.LogEvery, t.LogEvery)
	return o
}

// progress reports a training to the user.
type progress struct {
	report.Reporter
	stop   *interrupt.Listener
	stderr io.Writer
	began  bool
}

func (p *progress) Begin(s run.Start) {
	p.began = true
	lines := make([]string, len(s.Lines))
	for i, line := range s.Lines {
		lines[i] = cmdline.Flags(line)
	}
	s.Lines = lines
	p.Reporter.Begin(s)
	p.stop.Begin()
}

func (p *progress) Notice(message string) { notice(p.stderr)(message) }

// Help is what --help says of all commands that train.
func (*trainFlags) Help() string {
	return "Ctrl-C and the signals TERM and USR1 end the training after its step, and save it (exit code 75): the same command " +
		"with --out goes on from there. A closed terminal (the signal HUP) does not stop it."
}
