// Command unroll trains recurrent sequence models, measures them and uses them.
//
// This package knows flags, words for people, exit codes and the terminal. What a run is, and how it is trained
// and used, is in package trainer/run.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/internal/attention"
	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/configfile"
	"github.com/unroll-ml/unroll/internal/grid"
	"github.com/unroll-ml/unroll/internal/joint"
	"github.com/unroll-ml/unroll/internal/recipes"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/serve"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/run"
)

// cli is the command line.
type cli struct {
	Train     trainCmd     `cmd:"" help:"Train a model. With nothing else: the demo, which learns to read dates in two minutes at most."`
	Eval      evalCmd      `cmd:"" help:"Measure a trained model."`
	Sample    sampleCmd    `cmd:"" help:"Write text with a trained language model."`
	Classify  classifyCmd  `cmd:"" help:"Label the lines of stdin, or images, with a trained classifier: label, tab, probability."`
	Tag       tagCmd       `cmd:"" help:"Give the words of stdin tags with a trained tagger."`
	Regress   regressCmd   `cmd:"" help:"Predict the numbers of series with a trained regressor."`
	Translate translateCmd `cmd:"" help:"Translate the lines of stdin with a trained sequence-to-sequence model."`
	Forecast  forecastCmd  `cmd:"" help:"Forecast what follows time series with a trained forecaster, as CSV."`
	Serve     serveCmd     `cmd:"" help:"Answer over HTTP with trained models: a page, and an API of JSON."`
	Runs      runsCmd      `cmd:"" help:"Compare the runs in a folder, in a table and a picture."`
	Graph     graphCmd     `cmd:"" help:"Draw the program of a training step: its loops, and what lies between."`
	Profile   profileCmd   `cmd:"" help:"Say where the time and the memory of a training step go, on the CPU."`
	Average   averageCmd   `cmd:"" help:"Write a run whose weights are the means of those of the last checkpoints of a run."`
	Export    exportCmd    `cmd:"" help:"Write a trained model for other runtimes, as ONNX, or as a page that computes it."`
	Import    importCmd    `cmd:"" help:"Make a run of a model that PyTorch or Keras has trained."`
	Data      dataCmd      `cmd:"" help:"Data sets: list, download, find."`
	Recipes   recipesCmd   `cmd:"" help:"Trainings with known results, which unroll train --recipe runs: list them, or show one."`
	Bench     benchCmd     `cmd:"" help:"Measure the CPU and the GPU side by side."`
	Doctor    doctorCmd    `cmd:"" help:"Say what there is to compute on, whether it works, and what --device auto chooses."`
	Version   versionCmd   `cmd:"" help:"Say which version this is."`

	Completion kongcompletion.Completion `cmd:"" help:"Say how the shell completes commands, flags and names: bash, zsh or fish."`
}

// app is what subcommands have of the outside world.
type app struct {
	args           []string
	line           *configfile.Line
	command        *kong.Node
	given          []string // the settings that flags name, or the file of a configuration
	stdin          io.Reader
	stdout, stderr io.Writer
}

// calledAs is what a person types to run this program again: commands that messages name begin with it.
var calledAs = "unroll"

func main() {
	info, _ := debug.ReadBuildInfo()
	calledAs = cmdline.Called(os.Args[0], info)
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute is the program: it takes the arguments, reads and writes, and returns the exit code. Every error is
// one line on stderr.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case helpShown:
			code = int(p)
		default:
			report.Say(stderr, fmt.Sprintf("internal error: %s: this is a mistake in unroll, please report it with the "+
				"command line", oneLine(fmt.Errorf("%v", p))), "")
			if os.Getenv("UNROLL_STACK") != "" {
				stderr.Write(debug.Stack())
			}
			code = exitInternal
		}
	}()
	if err := dispatch(args, stdin, stdout, stderr); err != nil {
		return say(stderr, err)
	}
	return exitOK
}

// say says what is wrong, unless that is known, and gives the exit code.
func say(stderr io.Writer, err error) int {
	if known := (*joint.SaidError)(nil); errors.As(err, &known) {
		return exitCode(err)
	}
	if coded := (*exitError)(nil); errors.As(err, &coded) && coded.command != "" {
		report.Say(stderr, oneLine(errors.New(coded.msg)), coded.command)
	} else {
		report.Say(stderr, oneLine(err), "")
	}
	return exitCode(err)
}

// helpShown ends the program after --help, for kong would go on.
type helpShown int

func dispatch(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	trainings, dry, err := grid.Choose(args, os.Getenv)
	if err != nil {
		return gridError(err)
	}
	a := app{args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	switch {
	case dry:
		return a.show(trainings)
	case len(trainings) > 0:
		return a.trainOf(trainings[0])
	}
	return advise(gpuFailure(a.run()))
}

// run runs the command of a command line.
func (a app) run() error {
	ctx, err := a.parse()
	if err != nil {
		return err
	}
	return a.inFile(ctx.Run(&a))
}

// parse reads the command line, and what it names.
func (a *app) parse() (*kong.Context, error) {
	parser, err := newParser(&cli{}, a.stdout, a.stderr)
	if err != nil {
		return nil, err
	}
	if done, err := cmdline.CompleteShell(parser, completed); err != nil {
		return nil, err
	} else if done {
		parser.Exit(exitOK)
	}
	app := parser.Model.Node
	if a.line, err = configfile.Open(app, cmdline.Usual(a.args), dataDir); err != nil {
		return nil, err
	}
	words, err := cmdline.ChooseTask(app, a.line.Args, calledAs, func(task, flag, value string) bool {
		return flag != "task" || slices.ContainsFunc(made[task], func(name string) bool { return strings.HasPrefix(value, name) })
	})
	if err != nil {
		return nil, usage("%s", err)
	}
	if a.line.File != nil {
		kong.Resolvers(a.line.File).Apply(parser)
	}
	ctx, err := parser.Parse(words)
	if err != nil {
		return nil, a.inFile(usage("%s", cmdline.Misread(app, err, calledAs)))
	}
	if what := cmdline.Empty(ctx); what != "" {
		return nil, usage("%s", what)
	}
	a.given, a.command = cmdline.Given(ctx), ctx.Selected()
	return ctx, nil
}

// completed are the names that a shell completes.
var completed = map[string]func() []string{
	"recipe": recipes.Names, "recipes NAME": recipes.Names,
	"data": catalog.Names, "get NAME": catalog.Names, "path NAME": catalog.Names,
}

// made are the data that unroll makes for a task, as --task names them or begins to.
var made = map[string][]string{
	run.TaskSeq2Seq: tasks.Tasks, run.TaskTag: tasks.TaggedTasks, run.TaskRegress: tasks.NumberTasks,
}

func newParser(c *cli, stdout, stderr io.Writer) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("unroll"),
		kong.Description("Train recurrent sequence models, measure them, and sample from them."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(helpShown(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		cmdline.Decimal(),
		cmdline.Fill(map[string]string{
			"columnsNote":      "",
			"conlluTags":       strings.Join(datasets.ConlluTags, ", "),
			"taggedTasks":      strings.Join(tasks.TaggedTasks, ", "),
			"taggedDemo":       tasks.TaggedTasks[0],
			"cells":            strings.Join(run.Cells, ", "),
			"bleuTokenizers":   strings.Join(metrics.Tokenizers, ", "),
			"classWeights":     strings.Join(run.ClassWeights, ", "),
			"nonlinearities":   strings.Join(run.Nonlinearities, ", "),
			"tokenKinds":       strings.Join(run.VocabKinds(), ", "),
			"attentions":       strings.Join(run.Attentions, ", "),
			"tasks":            strings.Join(tasks.Tasks, ", "),
			"bpe":              strconv.Itoa(datasets.DefaultBPE),
			"poolings":         strings.Join(run.Poolings, ", "),
			"regressionLosses": strings.Join(run.RegressionLosses, ", "),
			"optimizers":       strings.Join(run.Optimizers, ", "),
			"softmaxes":        strings.Join(run.Softmaxes, ", "),
			"softmaxSamples":   strconv.Itoa(run.DefaultSamples),
			"drawn":            strconv.Itoa(attention.Sentences),
			"embed":            strconv.Itoa(defaultEmbed),
			"devices":          strings.Join(device.Names, ", "),
			"weightTypes":      strings.Join(device.WeightTypes, ", "),
			"precisions":       strings.Join(device.Precisions, ", "),
			"demoTask":         demoTask,
			"demoEpochs":       strconv.Itoa(demoEpochs),
			"demoSteps":        strconv.Itoa(demoSteps),
			"demoValid":        strconv.Itoa(demoValid),
			"epochs":           strconv.Itoa(defaultEpochs),
			"logEvery":         strconv.Itoa(defaultLog),
			"schedules":        strings.Join(run.Schedules, ", "),
			"scalings":         strings.Join(trainer.Scalings, ", "),
			"residuals":        strings.Join(trainer.Residuals, ", "),
			"forecastLosses":   strings.Join(run.ForecastLosses, ", "),
			"forecastHeads":    strings.Join(run.ForecastHeads, ", "),
			"forecastHidden":   strconv.Itoa(run.Defaults(run.TaskForecast).Model.Hidden),
			"forecastBatch":    strconv.Itoa(run.Defaults(run.TaskForecast).Training.Batch),
			"forecastSteps":    words.Thousands(run.Defaults(run.TaskForecast).Training.Steps),
			"forecastValid":    strconv.Itoa(run.Defaults(run.TaskForecast).Training.ValidEvery),

			"serveBatch":   strconv.Itoa(serve.Defaults().Batch),
			"serveWait":    serve.Defaults().Wait.String(),
			"serveQueue":   strconv.Itoa(serve.Defaults().Queue),
			"serveTimeout": serve.Defaults().Timeout.String(),
			"serveDrain":   serve.Defaults().Drain.String(),

			"learningRates":    learningRates(),
			"nesterovMomentum": fmt.Sprint(defaultNesterov),
			"adamwDecay":       fmt.Sprint(defaultDecay),
			"stepFactor":       fmt.Sprint(defaultFactor),
			"plateauPatience":  fmt.Sprint(defaultPatience),
			"teacherDecays":    strings.Join(run.TeacherDecays, ", "),
			"translated":       strconv.Itoa(run.ValidPairs),
		}),
	)
}
