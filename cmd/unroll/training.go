package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/events"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// task is a model with the data that it learns from.
type task interface {
	learner // that build makes; before, only epoch may be called

	// build makes the model, with fresh weights.
	build() error

	// epoch is the number of steps of a pass over the data.
	epoch() int

	// step takes the next training step after so many, and says how many tokens it has read.
	step(before int, rate float64) (loss, norm float64, tokens int, err error)

	// measure measures what was held out, which heldOut names; errStopped if stop said so meanwhile.
	measure(stop func() bool) (metrics, error)
	heldOut() string

	// files are the files of the run that describe the model's inputs and outputs, by name; verify says whether those in the
	// folder of a run that is to be continued are the same and whole.
	files() map[string][]byte
	verify(dir string) error

	// describe says what is trained on what; farewell what the model can do and what to do next. run is a word of a shell.
	describe(weights int) []string
	farewell(w io.Writer, run string) error
}

// training is a run in progress.
type training struct {
	args     []string // of the command line
	folder   *runFolder
	config   *config
	task     task
	budget   budget
	logEvery int
	keep     int      // checkpoints: the last and those before it
	damaged  []string // checkpoints that were skipped when the run was resumed
	json     bool
	out      *deafWriter
	report   reporter
	stop     *interrupt
	log      *runlog.Log
	board    *board // nil: not wanted

	schedule optim.Schedule // of the learning rate

	at    position // where the run stands
	saved int      // the step that was saved last
	since time.Time
	past  float64 // seconds before this process
	first int     // the step before the first of this process
}

func (r *training) close() {
	if r.log != nil {
		r.log.Close()
	}
	if r.board != nil {
		r.board.w.Close()
	}
	r.task.Close()
}

// seconds is the time that the run has taken.
func (r *training) seconds() float64 { return r.past + time.Since(r.since).Seconds() }

// run trains until the budget is spent or someone asks to stop.
func (r *training) run() error {
	params, err := r.task.Params()
	if err != nil {
		return err
	}
	if r.log, err = runlog.Open(r.folder.path(logName), r.at.Step); err != nil {
		return err
	}
	if r.board != nil {
		if r.board.w, err = events.Create(r.folder.dir, r.at.Step+1); err != nil {
			return err
		}
		r.at.Events = append(r.at.Events, r.board.w.Name())
	}
	r.schedule, r.at.Plateau = r.config.Training.schedule(), r.config.Training.plateau(r.at.Plateau)
	r.since, r.past, r.first, r.saved = time.Now(), r.at.Seconds, r.at.Step, r.at.Step
	r.report.begin(append(r.task.describe(countElements(params)), "run folder: "+r.folder.dir)...)
	if r.first > 0 {
		r.report.begin(fmt.Sprintf("continuing after step %s", thousands(r.first)))
		if err := r.end(runlog.Resumed, ""); err != nil {
			return err
		}
	}
	r.stop.began.Store(true)
	stopped, err := r.steps()
	if err != nil {
		return err
	}
	if stopped {
		if err := r.end("stopped", ""); err != nil {
			return err
		}
		return fail(exitStopped, "stopped after step %s, saved in %s: continue with %s",
			thousands(r.at.Step), r.folder.path(lastName), resumeCommand(r.args, r.folder.dir))
	}
	why := ""
	if r.exhausted() {
		why = r.whyExhausted()
	}
	if err := r.end("done", why); err != nil {
		return err
	}
	if r.json {
		return nil
	}
	return r.farewell()
}

// steps takes the steps that are left; true if it was asked to stop.
func (r *training) steps() (stopped bool, err error) {
	c := &r.config.Training
	epoch := r.task.epoch()
	measured := true // the state of this moment has been measured and saved
	var busy time.Duration
	tokens := 0
	if r.at.Due { // the process before was stopped while it measured
		if err := r.measure(); err != nil || r.at.Due {
			return true, err
		}
	}
	for !r.budget.spent(r.at.Step, r.seconds()) && !r.exhausted() {
		step := r.at.Step + 1
		begin := time.Now()
		rate := r.rate()
		loss, norm, n, err := r.task.step(r.at.Step, rate)
		if err != nil {
			return false, r.interrupted(err)
		}
		took := time.Since(begin)
		busy += took
		tokens += n
		rec := stepRecord{
			Event: "step", Step: step, Epoch: (step-1)/epoch + 1, Loss: runlog.Float(loss), GradNorm: runlog.Float(norm),
			TokensPerSecond: runlog.Float(float64(n) / took.Seconds()), LR: runlog.Float(rate), PeakMemory: peakMemory(), Seconds: r.seconds(),
		}
		if !finite(loss) || !finite(norm) {
			if rec.Skipped, rec.Overflow, err = r.task.Blame(); err != nil {
				return false, err
			}
		}
		if err := r.append(rec); err != nil {
			return false, err
		}
		switch {
		case rec.Skipped == "":
			r.at.Skipped = 0
		case !rec.Overflow:
			if r.at.Skipped++; r.at.Skipped >= c.MaxSkipped {
				why := fmt.Sprintf("%s is not finite, the loss is %g and the norm of the gradient %g", rec.Skipped, loss, norm)
				if r.at.Skipped > 1 {
					why = fmt.Sprintf("%d steps in a row could not be applied; in this one %s", r.at.Skipped, why)
				}
				return false, r.diverged(step, why)
			}
		}
		r.at.Step, measured = step, false
		last := r.budget.spent(step, r.seconds())
		shown := step == r.first+1 || step%r.logEvery == 0 || last || rec.Skipped != ""
		rec.TokensPerSecond = runlog.Float(float64(tokens) / busy.Seconds())
		r.report.step(rec, r.budget.left(step, step-r.first, rec.Seconds-r.past, rec.Seconds), shown)
		if shown {
			busy, tokens = 0, 0
		}
		switch {
		case last || c.ValidEvery > 0 && step%c.ValidEvery == 0 || c.ValidEvery == 0 && step%(epoch*max(c.ValidEpochs, 1)) == 0:
			if err := r.measure(); err != nil || r.at.Due {
				return true, err
			}
			measured = true
		case c.CheckpointEvery > 0 && step%c.CheckpointEvery == 0:
			if err := r.save(lastName); err != nil {
				return false, err
			}
		}
		if r.stop.asked.Load() && !last && !r.exhausted() {
			if !measured {
				err = r.save(lastName)
			}
			return true, err
		}
	}
	if !measured { // the time ran out while the step before was measured
		err := r.measure()
		return r.at.Due, err
	}
	return false, nil
}

// interrupted is the error of a step that was not taken for want of its data. What was learned before is saved.
func (r *training) interrupted(err error) error {
	if code := exitCode(err); code != exitData && code != exitIO || r.at.Step == r.saved {
		return err
	}
	if failed := r.save(lastName); failed != nil {
		return failed
	}
	return fail(exitCode(err), "%v; step %s is saved in %s: then continue with %s", err, thousands(r.at.Step), r.folder.path(lastName), resumeCommand(r.args, r.folder.dir))
}

// rate is the learning rate of the next step.
func (r *training) rate() float64 {
	rate := r.config.Training.LR * r.schedule(r.at.Step)
	if r.at.Plateau != nil {
		rate *= r.at.Plateau.Rate()
	}
	return rate
}

// exhausted says whether there was no better measurement for too long.
func (r *training) exhausted() bool {
	return r.config.Training.Patience > 0 && r.at.Worse >= r.config.Training.Patience
}

func (r *training) whyExhausted() string {
	return fmt.Sprintf("%d measurements in a row without a better one", r.at.Worse)
}

// measure measures what was held out, and saves the run, and the best one if this is it. If someone asks to stop meanwhile, the run is saved
// with a note that this is due.
func (r *training) measure() error {
	m, err := r.task.measure(r.stop.asked.Load)
	if err == errStopped {
		r.at.Due = true
		return r.save(lastName)
	}
	var number *decode.NotFiniteError
	if errors.As(err, &number) {
		return r.diverged(r.at.Step, fmt.Sprintf("on %s, %v", r.task.heldOut(), number))
	}
	if err != nil {
		return err
	}
	r.at.Due = false
	if !finite(m.loss) {
		return r.diverged(r.at.Step, fmt.Sprintf("the loss on %s is %g", r.task.heldOut(), m.loss))
	}
	score := m.score(r.config.Training.Best)
	best := r.at.better(score)
	if r.at.Plateau != nil {
		r.at.Plateau.Observe(score)
	}
	rec := validRecord{
		Event: "valid", Step: r.at.Step, Epoch: (r.at.Step-1)/r.task.epoch() + 1,
		Loss: runlog.Float(m.loss), measures: m.measures, Best: best, Seconds: r.seconds(),
	}
	if err := r.append(rec); err != nil { // before the checkpoints, of whose steps the log then has everything
		return err
	}
	r.report.valid(rec)
	r.at.Worse++
	if best {
		r.at.BestLoss, r.at.BestScore, r.at.BestStep, r.at.Worse = &m.loss, &score, r.at.Step, 0
		if err := r.save(bestName); err != nil {
			return err
		}
	}
	return r.save(lastName)
}

// save writes a checkpoint of this moment, unless its numbers are no longer finite.
func (r *training) save(name string) error {
	weights, err := r.task.Params()
	if err != nil {
		return err
	}
	state, err := r.task.TrainState()
	if err != nil {
		return err
	}
	for _, tensors := range [][]checkpoint.Tensor{weights, state} {
		if tensor, i, bad := checkpoint.FirstNotFinite(tensors); bad {
			return r.diverged(r.at.Step, fmt.Sprintf("element %d of tensor %q is not finite", i, tensor))
		}
	}
	if err := r.writing(r.log.Sync()); err != nil {
		return err
	}
	r.at.Seconds = r.seconds()
	r.saved = r.at.Step
	keep := 1
	if name == lastName {
		keep = r.keep
	}
	return r.writing(checkpoint.Save(r.folder.path(name), keep, checkpoint.Contents{Weights: weights, Optimizer: state, State: r.at, Step: r.at.Step}))
}

// append logs a record.
func (r *training) append(record any) error {
	n, err := r.log.Append(record)
	if n > 0 {
		err = checkpoint.Unwritten(r.folder.path(logName), int64(n), err)
	}
	if err == nil && r.board != nil {
		err = r.board.add(record)
	}
	return r.writing(err)
}

// writing says what to do when the run folder cannot be written any more.
func (r *training) writing(err error) error {
	if err == nil || exitCode(err) != exitIO {
		return err
	}
	return fail(exitIO, "%v: what was saved before is whole: make room and continue with %s", err, resumeCommand(r.args, r.folder.dir))
}

// diverged logs the end of a run whose numbers are no longer finite.
func (r *training) diverged(step int, why string) error {
	r.at.Step = step
	if err := r.end("diverged", why); err != nil {
		return err
	}
	kept := "nothing was saved yet"
	if r.at.BestLoss != nil {
		kept = fmt.Sprintf("%s is of step %s", r.folder.path(bestName), thousands(r.at.BestStep))
	}
	clip := ""
	if r.config.Training.Clip == 0 {
		clip = " and --clip 1"
	}
	return fail(exitDiverged, "diverged at step %s: %s; %s: try a smaller --lr (it is %g)%s", thousands(step), why, kept, r.config.Training.LR, clip)
}

// end writes a last record, or that of a run that goes on.
func (r *training) end(event, why string) error {
	rec := endRecord{Event: event, Step: r.at.Step, Run: r.folder.dir, BestStep: r.at.BestStep, Why: why, Seconds: r.seconds()}
	if r.at.BestLoss != nil {
		loss := runlog.Float(*r.at.BestLoss)
		rec.BestLoss = &loss
	}
	r.report.end(rec)
	return r.append(rec)
}

// farewell shows what the best weights can do, and says what to do next.
func (r *training) farewell() error {
	ended, best := "", "best"
	if r.exhausted() {
		ended = ", ended by " + r.whyExhausted()
	}
	if by := r.config.Training.Best; by != lossScore {
		best = "best by " + by
	}
	fmt.Fprintf(r.out, "\n%s steps in %s%s; %s after step %s, with a held-out loss of %.4f\n\n",
		thousands(r.at.Step), clock(r.seconds()), ended, best, thousands(r.at.BestStep), *r.at.BestLoss)
	if _, err := loadCheckpoint(r.folder.path(bestName), r.task, false); err != nil {
		return err
	}
	return r.task.farewell(r.out, shellQuote(r.folder.dir))
}

func countElements(tensors []checkpoint.Tensor) int {
	total := 0
	for _, t := range tensors {
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		total += n
	}
	return total
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
