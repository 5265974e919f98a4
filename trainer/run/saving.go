package run

import (
	"fmt"
	"time"

	"github.com/unroll-ml/unroll/internal/events"
	"github.com/unroll-ml/unroll/internal/plots"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// What a training writes into its folder: checkpoints, the log, and TensorBoard's files.

// openLogs opens the log and, if it is wanted, TensorBoard's.
func (r *training) openLogs() (err error) {
	if r.follows() {
		return nil
	}
	if r.log, err = runlog.Open(r.folder.root, LogName, r.at.Step); err != nil {
		return err
	}
	r.curves = &curves{measures: map[string]*plots.Curve{}, drawn: time.Now()}
	if err := r.curves.read(r.path(LogName)); err != nil || !r.TensorBoard {
		return err
	}
	w, err := events.Create(r.folder.root, r.at.Step+1)
	if err != nil {
		return err
	}
	r.board = &board{w}
	r.at.Events = append(r.at.Events, w.Name())
	return nil
}

// save writes a checkpoint of this moment, unless its numbers are no longer finite.
func (r *training) save(name string) error {
	r.enters(fmt.Sprintf("the checkpoint after step %d", r.at.Step), false)
	weights, state, err := r.tensors()
	if err != nil {
		return err
	}
	for _, tensors := range [][]checkpoint.Tensor{weights, state} {
		if tensor, i, bad := checkpoint.FirstNotFinite(tensors); bad {
			return r.diverged(r.at.Step, fmt.Sprintf("element %d of tensor %q is not finite", i, tensor))
		}
	}
	r.at.Seconds = r.seconds()
	r.saved = r.at.Step
	if !r.follows() {
		if err := r.write(name, weights, state); err != nil {
			return err
		}
	}
	_, err = r.any(false) // others wait here for a slow disk, and not in their next step, which would seem lost
	return err
}

// write writes a checkpoint of this moment.
func (r *training) write(name string, weights, state []checkpoint.Tensor) error {
	if err := r.writing(r.log.Sync()); err != nil {
		return err
	}
	keep := 1
	if name == Last {
		keep = r.Keep
	}
	contents := checkpoint.Contents{Weights: weights, Optimizer: state, State: r.at, Step: r.at.Step}
	return r.writing(r.folder.checkpoints().Save(name, keep, contents))
}

// append logs a record.
func (r *training) append(record any) error {
	if r.follows() {
		return nil
	}
	n, err := r.log.Append(record)
	if n > 0 {
		err = checkpoint.Unwritten(r.path(LogName), int64(n), err)
	}
	r.curves.add(record)
	if err == nil && r.board != nil {
		err = r.board.add(record)
	}
	return r.writing(err)
}

// writing says of an error that the folder cannot be written any more.
func (r *training) writing(err error) error {
	if err == nil || !isIO(err) {
		return err
	}
	return &UnsavedError{r.dir(), err}
}

// diverged logs the end of a run whose numbers are no longer finite.
func (r *training) diverged(step int, why string) error {
	r.at.Step = step
	if err := r.end("diverged", why); err != nil {
		return err
	}
	e := &DivergedError{Dir: r.dir(), Step: step, Why: why, Saved: r.far}
	if r.at.BestLoss != nil {
		e.BestStep = r.at.BestStep
	}
	return e
}

// end writes a last record, or that of a run that goes on.
func (r *training) end(event, why string) error {
	rec := EndRecord{Event: event, Step: r.at.Step, Run: r.dir(), BestStep: r.at.BestStep, Why: why,
		Seconds: r.seconds()}
	if r.at.BestLoss != nil {
		loss := Float(*r.at.BestLoss)
		rec.BestLoss = &loss
	}
	r.Report.End(rec)
	if event != runlog.Resumed {
		r.draw(true)
	}
	return r.append(rec)
}
