package run

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Train trains a task in a folder: see Folder.Train.
//
// Of several processes that train together (see InWorld) all must call it; the folder is that of rank 0, and others do
// not look at dir.
func Train(ctx context.Context, dir string, t Task, o Options) (End, error) {
	if err := trainable(ctx, t); err != nil {
		return End{}, err
	}
	if worldOf(t).Rank() > 0 {
		return Follow(ctx, t, o)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		return End{}, err
	}
	defer f.Close()
	end, err := f.Train(ctx, t, o)
	if err != nil && !f.Holds() {
		f.Abandon()
	}
	return end, err
}

// Train trains a task until its budget is spent, or there was no better validation for too long. The run that
// the folder holds, if it is the same, is continued where its newest whole checkpoint stands; the bits are
// those of a run that nothing happened to.
//
// When the context is done, all is saved after the current step, and the error is a *StoppedError: calling
// Train again goes on. A *DivergedError says that the numbers are no longer finite, an *OtherSettingsError that
// the folder holds another run, a *FinishedError that its run has nothing left to do.
func (f *Folder) Train(ctx context.Context, t Task, o Options) (End, error) {
	if err := trainable(ctx, t); err != nil {
		return End{}, err
	}
	return jointly(worldOf(t), func() (End, error) {
		r, err := f.prepare(t, o)
		if err != nil {
			return End{}, err
		}
		defer r.close()
		return r.run(ctx)
	})
}

// trainable says what is missing for a training.
func trainable(ctx context.Context, t Task) error {
	if err := cmp.Or(setting.Context(ctx), given(t)); err != nil {
		return err
	}
	if own, ok := t.(*Own); ok {
		return own.check()
	}
	return nil
}

// given says whether there is a task.
func given(t Task) error {
	return setting.Set("Task", t != nil, "a model with its data, such as NewLM makes")
}

// done is why there is nothing more to do: the context is done, or there is none.
func done(ctx context.Context) error {
	if err := setting.Context(ctx); err != nil {
		return err
	}
	return ctx.Err()
}

// prepare either continues the run in the folder or begins a new one. Until it is known that this can be done
// nothing in the folder changes.
func (f *Folder) prepare(t Task, o Options) (*training, error) {
	r, err := newTraining(t, o)
	if err != nil {
		return nil, err
	}
	r.folder = f
	if f.before != nil && !o.Overwrite {
		if difference, same := f.before.repeats(*r.config); !same {
			return nil, &OtherSettingsError{f.dir, difference}
		}
	}
	if err := r.agree(); err != nil {
		return nil, err
	}
	err = r.place()
	if finished := (*FinishedError)(nil); errors.As(err, &finished) { // for which the others wait in begin
		if _, failed := r.stand(standing{Finished: finished}); failed != nil {
			return nil, failed
		}
	}
	return r, err
}

// newTraining is a training that has no folder yet, and has not begun.
func newTraining(t Task, o Options) (*training, error) {
	c := t.Config()
	c.Format = ConfigFormat
	if err := c.Check(); err != nil {
		return nil, err
	}
	limit := newBudget(&c.Training, t.Epoch())
	if err := c.Training.complete(limit.steps, t.Epoch()); err != nil {
		return nil, err
	}
	r := &training{config: c, task: t, budget: limit, world: worldOf(t), Options: o}
	if r.Keep < 1 {
		r.Keep = DefaultKeep
	}
	if r.LogEvery < 1 {
		r.LogEvery = DefaultLogEvery
	}
	if r.Encode == nil {
		r.Encode = (*Config).Encode
	}
	if r.Report == nil {
		r.Report = silent{}
	}
	return r, nil
}

// training is a run in progress.
type training struct {
	Options
	folder  *Folder // nil: that of rank 0
	world   parallel.Communicator
	config  *Config
	task    Task
	budget  budget
	damaged []string // checkpoints that were skipped when the run was resumed
	log     *runlog.Log
	board   *board // nil: not wanted
	curves  *curves

	schedule optim.Schedule // of the learning rate
	loaded   *loader        // what the run goes on from; nil: it begins

	at        Position // where the run stands
	saved     int      // the step that was saved last
	far       bool     // the newest validation loss is far above the loss at the start
	undefined bool     // the newest validation has no score
	validated bool     // the state of this moment was validated and saved
	since     time.Time
	past      float64 // seconds before this process
	first     int     // the step before the first of this process
	warm      float64 // seconds when the first of this process, which compiles, was over

	busy   time.Duration // of the steps since one was shown, without validating and saving
	tokens int           // that they have read
}

func (r *training) close() {
	if r.log != nil {
		r.log.Close()
	}
	if r.board != nil {
		r.board.w.Close()
	}
}

// seconds is the time that the run has taken.
func (r *training) seconds() float64 { return r.past + time.Since(r.since).Seconds() }

// run trains until the budget is spent or someone asks to stop.
func (r *training) run(ctx context.Context) (End, error) {
	params, err := r.task.Params()
	if err != nil {
		return End{}, err
	}
	r.keepTokens(ctx)
	if err := r.begin(); err != nil {
		return End{}, err
	}
	if err := r.openLogs(); err != nil {
		return End{}, err
	}
	r.schedule, r.at.Plateau = r.config.Training.schedule(), r.config.Training.plateau(r.at.Plateau)
	r.since, r.past, r.first, r.saved = time.Now(), r.at.Seconds, r.at.Step, r.at.Step
	memory, err := r.plan()
	if err != nil {
		return End{}, err
	}
	start := Start{Dir: r.dir(), After: r.first, Steps: r.budget.steps, Seconds: r.budget.seconds}
	start.Task, start.Device, start.Weights, start.Epoch = r.config.Task, r.task.Device(), countElements(params),
		r.task.Epoch()
	if t, ok := r.task.(described); ok {
		start.Lines = t.Describe(start.Weights)
	}
	start.Lines = append(start.Lines, known(memory, r.device())...)
	r.Report.Begin(start)
	if r.first > 0 {
		if err := r.end(runlog.Resumed, ""); err != nil {
			return End{}, err
		}
	}
	if err := r.validateUntrained(ctx); err != nil {
		return End{}, err
	}
	stopped, err := r.steps(ctx)
	if err != nil {
		return r.summary(), err
	}
	if stopped {
		if err := r.end("stopped", ""); err != nil {
			return r.summary(), err
		}
		return r.summary(), &StoppedError{r.dir(), r.at.Step, r.path(Last), wish(ctx)}
	}
	if r.far {
		return r.summary(), r.diverged(r.at.Step, fmt.Sprintf("the validation loss is more than %d times the loss "+
			"at the start", farAbove))
	}
	return r.summary(), r.end("done", r.whyExhausted())
}

func (r *training) summary() End {
	e := End{Step: r.at.Step, BestStep: r.at.BestStep, BestLoss: math.NaN(), Seconds: r.seconds(), Why: r.whyExhausted()}
	if r.at.BestLoss != nil {
		e.BestLoss = *r.at.BestLoss
	}
	return e
}

// steps takes the steps that are left; true if it was asked to stop.
func (r *training) steps(ctx context.Context) (stopped bool, err error) {
	r.validated = true
	if r.at.Due { // the process before was stopped while it validated
		if err := r.validate(ctx); err != nil || r.at.Due {
			return true, err
		}
	}
	for {
		if over, err := r.spent(); err != nil || over || r.exhausted() {
			if err != nil {
				return false, err
			}
			break
		}
		rec, err := r.step()
		if err != nil {
			return false, err
		}
		last, err := r.spent()
		if err != nil {
			return false, err
		}
		r.show(rec, last)
		switch c := &r.config.Training; {
		case last || r.validates():
			if err := r.validate(ctx); err != nil || r.at.Due {
				return true, err
			}
		case c.CheckpointEvery > 0 && r.at.Step%c.CheckpointEvery == 0:
			if err := r.save(Last); err != nil {
				return false, err
			}
		}
		stop, err := r.any(ctx.Err() != nil)
		if err != nil {
			return false, err
		}
		if stop && !last && !r.exhausted() {
			if !r.validated {
				err = r.save(Last)
			}
			return true, err
		}
	}
	if !r.validated { // the time ran out while the step before was validated
		err := r.validate(ctx)
		return r.at.Due, err
	}
	return false, nil
}

// validates says whether validation comes after this step.
func (r *training) validates() bool {
	c := &r.config.Training
	if c.ValidEvery > 0 {
		return r.at.Step%c.ValidEvery == 0
	}
	return r.at.Step%(r.task.Epoch()*max(c.ValidEpochs, 1)) == 0
}

// step takes a step and logs it. One that is not finite is not applied by the model: too many of them in a row
// end the run.
func (r *training) step() (StepRecord, error) {
	begin, rate := time.Now(), r.rate()
	r.enters(fmt.Sprintf("step %d", r.at.Step+1), true)
	loss, norm, n, err := r.task.Step(r.at.Step, rate)
	if err != nil && r.world.Size() > 1 { // the others ask when
		err = errors.WithMessagef(err, "step %d", r.at.Step+1)
	}
	if err != nil {
		return StepRecord{}, r.interrupted(err)
	}
	took := time.Since(begin)
	r.busy, r.tokens = r.busy+took, r.tokens+n
	step := r.at.Step + 1
	rec := StepRecord{
		Event: "step", Step: step, Epoch: (step-1)/r.task.Epoch() + 1, Loss: Float(loss), GradNorm: Float(norm),
		TokensPerSecond: Float(float64(n) / took.Seconds()), LR: Float(rate), PeakMemory: peakMemory(), Seconds: r.seconds(),
	}
	if !finite(loss) || !finite(norm) {
		if rec.Skipped, rec.Overflow, err = r.task.NonFinite(); err != nil {
			return rec, err
		}
	}
	if err := r.append(rec); err != nil {
		return rec, err
	}
	if err := r.countSkipped(rec); err != nil {
		return rec, err
	}
	if step == 1 && finite(loss) {
		r.at.FirstLoss = &loss
	}
	r.at.Step, r.validated = step, false
	return rec, nil
}

// countSkipped counts steps in a row that were not applied. Overflows of the loss scaling are no faults: it has
// made itself smaller.
func (r *training) countSkipped(rec StepRecord) error {
	switch {
	case rec.Skipped == "":
		r.at.Skipped = 0
	case !rec.Overflow:
		r.at.Skipped++
	}
	if rec.Skipped == "" || r.at.Skipped < r.config.Training.MaxSkipped {
		return nil
	}
	why := fmt.Sprintf("%s is not finite, the loss is %g and the norm of the gradient %g", rec.Skipped,
		float64(rec.Loss), float64(rec.GradNorm))
	if r.at.Skipped > 1 {
		why = fmt.Sprintf("%d steps in a row could not be applied; in this one %s", r.at.Skipped, why)
	}
	return r.diverged(rec.Step, why)
}

// show reports a step. Those that are shown say how fast all were since the one that was shown before.
func (r *training) show(rec StepRecord, last bool) {
	if rec.Step == r.first+1 {
		r.warm = rec.Seconds
	}
	shown := rec.Step == r.first+1 || rec.Step%r.LogEvery == 0 || last || rec.Skipped != ""
	rec.TokensPerSecond = Float(float64(r.tokens) / r.busy.Seconds())
	left := r.budget.left(rec.Step, rec.Step-r.first-1, rec.Seconds-r.warm, rec.Seconds)
	r.Report.Step(rec, Progress{Shown: shown, Left: left})
	if shown {
		r.busy, r.tokens = 0, 0
	}
}

// interrupted is the error of a step that was not taken for want of its data. What was learned before is saved.
func (r *training) interrupted(err error) error {
	if !isData(err) && !isIO(err) || r.at.Step == r.saved || r.world.Size() > 1 {
		return err
	}
	if failed := r.save(Last); failed != nil {
		return failed
	}
	return &StoppedError{r.dir(), r.at.Step, r.path(Last), err}
}

// rate is the learning rate of the next step.
func (r *training) rate() float64 {
	rate := r.config.Training.LR * r.schedule(r.at.Step)
	if r.at.Plateau != nil {
		rate *= r.at.Plateau.Rate()
	}
	return rate
}

// exhausted says whether there was no better validation for too long.
func (r *training) exhausted() bool {
	return r.config.Training.Patience > 0 && r.at.Worse >= r.config.Training.Patience
}

func (r *training) whyExhausted() string {
	if !r.exhausted() {
		return ""
	}
	return words.Count(r.at.Worse, "validation", "validations in a row") + " without a better one"
}

// farAbove is how many times the loss at the start, or 1 if that is less, a validation loss is of a model that
// has diverged, though all its numbers are finite.
const farAbove = 100

// validate validates, and saves the run, and the best one if this is it. If the context is done meanwhile, the
// run is saved with a note that this is due.
func (r *training) validate(ctx context.Context) error {
	r.enters(fmt.Sprintf("the validation after step %d", r.at.Step), false)
	m, err := r.measure(ctx)
	if err != nil {
		return err
	}
	if r.at.Due = m.stopped; m.stopped {
		return r.save(Last)
	}
	if m.notFinite != "" {
		return r.diverged(r.at.Step, "in validation, "+m.notFinite)
	}
	if !finite(m.Loss) {
		return r.diverged(r.at.Step, fmt.Sprintf("the validation loss is %g", m.Loss))
	}
	score := m.score
	wasFar, wasUndefined := r.far, r.undefined
	r.far = r.config.Task != TaskOwn && r.at.FirstLoss != nil && m.Loss > farAbove*max(1, *r.at.FirstLoss)
	r.undefined = score == undefinedScore
	best := r.at.better(score) && !r.far
	if r.at.Plateau != nil && !r.undefined {
		r.at.Plateau.Observe(score)
	}
	rec := ValidRecord{
		Event: "valid", Step: r.at.Step, Epoch: (r.at.Step-1)/r.task.Epoch() + 1,
		Loss: Float(m.Loss), Measures: m.Measures, Samples: m.Samples, Best: best, Seconds: r.seconds(),
	}
	if err := r.append(rec); err != nil { // before the checkpoints, of whose steps the log then has everything
		return err
	}
	r.Report.Valid(rec)
	r.warn(wasFar, wasUndefined)
	if !r.undefined {
		r.at.Worse++
	}
	if best {
		r.at.BestLoss, r.at.BestScore, r.at.BestStep, r.at.Worse = &m.Loss, &score, r.at.Step, 0
		if err := r.save(Best); err != nil {
			return err
		}
	}
	r.validated = true
	err = r.save(Last)
	r.draw(false)
	return err
}

// warn says what is odd about the newest validation, if it was not so at the one before.
func (r *training) warn(wasFar, wasUndefined bool) {
	if r.far && !wasFar {
		r.Report.Notice(fmt.Sprintf("the validation loss after step %s is more than %d times the loss at the "+
			"start: the training diverges, try a smaller `lr`",
			words.Thousands(r.at.Step), farAbove))
	}
	if r.undefined && !wasUndefined {
		r.Report.Notice(fmt.Sprintf("%s is undefined after step %s: validations where it is are neither better nor "+
			"worse than others",
			r.config.Training.Best, words.Thousands(r.at.Step)))
	}
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
