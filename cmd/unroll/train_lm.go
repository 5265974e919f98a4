package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// trainLMCmd trains a language model.
type trainLMCmd struct {
	Text      string `group:"Data:" placeholder:"FILE" help:"Train on this text, plain or .gz, UTF-8. Without it: on the built-in text."`
	ValidText string `group:"Data:" placeholder:"FILE" help:"Measure on this text. Without it: the last tenth of the text is held out."`

	Cell   string `group:"Model:" enum:"${cells}" default:"rnn" help:"Kind of cell: ${enum}."`
	Hidden int    `group:"Model:" default:"128" help:"Units of a layer."`
	Layers int    `group:"Model:" default:"2" help:"Layers."`
	Embed  int    `group:"Model:" default:"32" help:"Width of the embedding of a character; 0: one-hot, straight into the first layer."`

	Batch     int      `group:"Training:" default:"32" help:"Streams of text that are read in parallel."`
	Seq       int      `group:"Training:" default:"64" help:"Characters of each stream in a step."`
	Steps     *int     `group:"Training:" placeholder:"N" xor:"length" help:"Train for so many steps."`
	Epochs    *int     `group:"Training:" placeholder:"N" xor:"length" help:"Train for so many passes over the text. ${epochs} if nothing else is said; on the built-in text, ${demoSteps} steps."`
	Minutes   *float64 `group:"Training:" placeholder:"M" xor:"length" help:"Train for so long."`
	Optimizer string   `group:"Training:" enum:"${optimizers}" default:"adam" help:"Optimizer: ${enum}."`
	LR        *float64 `group:"Training:" name:"lr" placeholder:"X" help:"Learning rate. Default: ${adamLR} for adam, ${sgdLR} for sgd."`
	Momentum  float64  `group:"Training:" default:"0" help:"Momentum of sgd."`
	Clip      float64  `group:"Training:" default:"5" help:"Scale gradients down to this global norm; 0: never."`
	Seed      uint64   `group:"Training:" default:"1" help:"Seed of the initial weights."`

	ValidEvery      *int `group:"Running:" placeholder:"N" help:"Measure the held-out text every N steps. Default: after each epoch; on the built-in text, every ${demoValid} steps."`
	CheckpointEvery *int `group:"Running:" placeholder:"N" help:"Save every N steps, too, not only when the held-out text is measured."`
	LogEvery        *int `group:"Running:" placeholder:"N" help:"Log every N steps. Default: ${logEvery}, and at most one line a second is shown."`

	Device    string `group:"Running:" enum:"${devices}" default:"auto" help:"What to compute on: ${enum}."`
	Threads   *int   `group:"Running:" placeholder:"N" help:"Threads of the cpu device. Default: one for each processor."`
	Out       string `group:"Running:" placeholder:"DIR" help:"Folder of the run. Default: the first free of runs/lm-1, runs/lm-2 ..."`
	Resume    string `group:"Running:" enum:"auto,never" default:"auto" help:"auto: continue the run in --out, if it is the same and not finished. never: refuse."`
	Overwrite bool   `group:"Running:" help:"Replace the run in --out."`
	JSON      bool   `group:"Running:" name:"json" help:"Write JSON, an object a line, instead of text."`
}

// Without a text: short, for a first impression.
const (
	demoSteps     = 400
	demoValid     = 50
	defaultEpochs = 10
	defaultLog    = 10
)

// defaultLR is the learning rate of each optimizer unless --lr is given.
var defaultLR = map[string]float64{"adam": 0.003, "sgd": 0.5}

// config is what the flags ask for; what the data says is not in it yet.
func (t *trainLMCmd) config() (*config, error) {
	for _, f := range []struct {
		flag  string
		value *int
	}{
		{"steps", t.Steps}, {"epochs", t.Epochs}, {"valid-every", t.ValidEvery}, {"checkpoint-every", t.CheckpointEvery},
		{"log-every", t.LogEvery}, {"threads", t.Threads},
	} {
		if f.value != nil && *f.value < 1 {
			return nil, usage("--%s is %d: it must be at least 1", f.flag, *f.value)
		}
	}
	if t.Minutes != nil && !(*t.Minutes > 0) {
		return nil, usage("--minutes is %g: it must be larger than 0", *t.Minutes)
	}
	if t.ValidText != "" && t.Text == "" {
		return nil, usage("--valid-text needs --text: the built-in text has a held-out part of its own")
	}
	if t.Overwrite && t.Out == "" {
		return nil, usage("--overwrite needs --out: without it a new folder is made")
	}
	c := &config{Format: configFormat, Task: "lm"}
	c.Model = modelConfig{Cell: t.Cell, Hidden: t.Hidden, Layers: t.Layers, Embed: t.Embed}
	c.Training = trainingConfig{
		Batch: t.Batch, Seq: t.Seq, Optimizer: t.Optimizer, LR: defaultLR[t.Optimizer], Momentum: t.Momentum, Clip: t.Clip, Seed: t.Seed,
	}
	c.Running.Device = t.Device
	set(&c.Running.Threads, t.Threads)
	set(&c.Training.LR, t.LR)
	set(&c.Training.Steps, t.Steps)
	set(&c.Training.Epochs, t.Epochs)
	set(&c.Training.Minutes, t.Minutes)
	if t.Steps == nil && t.Epochs == nil && t.Minutes == nil {
		if t.Text == "" {
			c.Training.Steps = demoSteps
		} else {
			c.Training.Epochs = defaultEpochs
		}
	}
	if t.Text == "" {
		c.Training.ValidEvery = demoValid
	}
	set(&c.Training.ValidEvery, t.ValidEvery)
	set(&c.Training.CheckpointEvery, t.CheckpointEvery)
	return c, c.check()
}

// set overrides a default where a flag was given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (t *trainLMCmd) Run(a *app) error {
	c, err := t.config()
	if err != nil {
		return err
	}
	stop := listen(a.stderr)
	defer stop.close()
	folder, err := openRunFolder(t.Out)
	if err != nil {
		return err
	}
	defer folder.close()
	if t.Resume == "never" && folder.before != nil && !t.Overwrite {
		return fail(exitNoOutput, "%s holds a run: --overwrite to replace it, or choose another folder with --out", folder.dir)
	}
	r, err := t.prepare(a, folder, c)
	if err != nil {
		folder.abandon()
		return err
	}
	defer r.close()
	r.stop = stop
	return r.run()
}

// prepare loads the data, builds the model, and either continues the run in the folder or begins a new one. Until all of that has
// succeeded nothing in the folder changes.
func (t *trainLMCmd) prepare(a *app, folder *runFolder, c *config) (*training, error) {
	data, err := loadCorpus(t.Text, t.ValidText, c)
	if err != nil {
		return nil, err
	}
	if err := c.checkSize(); err != nil {
		return nil, err
	}
	r := &training{
		args: a.args, folder: folder, config: c, data: data, budget: newBudget(&c.Training, data.windows.Len()),
		logEvery: defaultLog, json: t.JSON,
		out: &deafWriter{w: a.stdout, gone: func(err error) {
			fmt.Fprintf(a.stderr, "unroll: stdout cannot be written (%v): training goes on, its log is %s\n", errors.Cause(err), folder.path(logName))
		}},
	}
	set(&r.logEvery, t.LogEvery)
	r.report = newReporter(r.out, t.JSON, t.LogEvery != nil, r.budget)
	if folder.before != nil && !t.Overwrite {
		if err := mayContinue(folder, c); err != nil {
			return nil, err
		}
	}
	if r.lm, err = newLM(c.lm()); err != nil {
		return nil, err
	}
	if err := r.place(a.stderr, t.Overwrite); err != nil {
		r.lm.Close()
		return nil, err
	}
	return r, nil
}

// mayContinue says why the run in the folder is not the one that the flags ask for.
func mayContinue(folder *runFolder, c *config) error {
	if difference, same := folder.before.repeats(*c); !same {
		return fail(exitNoOutput, "%s holds a run with other settings (%s): --overwrite to replace it, or choose another folder with --out", folder.dir, difference)
	}
	return nil
}

// place continues the run in the folder, or begins a new one there.
func (r *training) place(stderr io.Writer, overwrite bool) error {
	if r.folder.before != nil && !overwrite {
		found, err := r.resume(stderr)
		if err != nil {
			return err
		}
		if found {
			return r.goOn()
		}
		fmt.Fprintf(stderr, "unroll: %s holds a run without a checkpoint: it begins again\n", r.folder.dir)
	}
	if err := r.folder.clear(); err != nil {
		return err
	}
	if err := checkpoint.WriteFile(r.folder.path(configName), r.config.encode()); err != nil {
		return err
	}
	return checkpoint.WriteFile(r.folder.path(vocabName), r.data.vocab.JSON())
}

// goOn makes the folder ready for a run that was resumed.
func (r *training) goOn() error {
	if r.budget.spent(r.at.Step, r.at.Seconds) {
		return fail(exitNoOutput, "%s holds a run that is finished (%s steps): more --steps, --epochs or --minutes to train on, --overwrite to replace it, or choose another folder with --out",
			r.folder.dir, thousands(r.at.Step))
	}
	if _, err := readRunVocab(r.folder.dir, r.config); err != nil { // of the same texts, so the same, unless it was damaged
		return err
	}
	return checkpoint.WriteFile(r.folder.path(configName), r.config.encode())
}

// resume loads the newest checkpoint that is whole; false if there never was one. A damaged one is skipped, but not in silence.
func (r *training) resume(stderr io.Writer) (found bool, err error) {
	var broken error
	for _, name := range []string{lastName, bestName} {
		dir := r.folder.path(name)
		if err := checkpoint.Recover(dir); err != nil {
			return false, outputError(dir, err)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		at, err := loadCheckpoint(dir, r.lm, true)
		if err == nil {
			r.at = at
			return true, nil
		}
		if exitCode(err) != exitData {
			return false, err
		}
		fmt.Fprintf(stderr, "unroll: skipped a damaged checkpoint: %s\n", oneLine(err))
		broken = err
	}
	return false, broken
}

// resumeCommand is the command line that continues a run.
func resumeCommand(args []string, dir string) string {
	words := []string{"unroll"}
	hasOut := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--overwrite" || strings.HasPrefix(arg, "--resume="):
			continue
		case arg == "--resume":
			i++
			continue
		case arg == "--out" || strings.HasPrefix(arg, "--out="):
			hasOut = true
		}
		words = append(words, shellQuote(args[i]))
	}
	if !hasOut {
		words = append(words, "--out", shellQuote(dir))
	}
	return strings.Join(words, " ")
}

func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_=./,:+@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// describe says what is trained on what.
func (r *training) describe() []string {
	c, d := r.config, r.data
	input := "one-hot"
	if c.Model.Embed > 0 {
		input = fmt.Sprintf("embedding %d", c.Model.Embed)
	}
	return []string{
		fmt.Sprintf("training on %s: %s characters, and %s held out to measure on; %d different ones", d.name, thousands(len(d.train)), thousands(len(d.held)), d.vocab.Len()),
		fmt.Sprintf("model: %s, %s, layers %d, hidden %d; %s weights, on %s", c.Model.Cell, input, c.Model.Layers, c.Model.Hidden, thousands(r.weights), r.lm.Device()),
		fmt.Sprintf("batch %d, seq %d: %s steps an epoch; %s, learning rate %g", c.Training.Batch, c.Training.Seq, thousands(d.windows.Len()), c.Training.Optimizer, c.Training.LR),
		"run folder: " + r.folder.dir,
	}
}
