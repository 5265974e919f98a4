// Package joint lets a command that trains do so together with the processes that a launcher, mpirun or srun, has started
// beside it: it joins them, gives each its share of the processors, watches over them, and ends all of them with the
// message and the exit code of the one that cannot go on.
package joint

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/trainer/parallel"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Options is what the command says.
type Options struct {
	MPI    bool // join others; else the process trains alone
	Stderr io.Writer
	Fatal  func(error) int
}

// LostError says that another process is no longer there.
type LostError struct{ What string }

func (e *LostError) Error() string { return e.What }

// SaidError is an error that the user knows already, from this process or from another.
type SaidError struct{ Err error }

func (e *SaidError) Error() string { return e.Err.Error() }
func (e *SaidError) Unwrap() error { return e.Err }

// World are the processes, for package run.
type World struct {
	parallel.Communicator
	agreed bool
}

// Abort implements parallel.Communicator: Run does it, once the command has said what is wrong in its own terms.
func (*World) Abort(error) {}

// At implements what package run asks of a watch.
func (w *World) At(what string, step bool) { parallel.Enter(w.Communicator, what, step) }

// Guard implements parallel.Guard.
func (w *World) Guard(failed func() error) (done func()) {
	return parallel.Guarded(w.Communicator, failed)
}

// Run joins the others, and trains.
func Run(o Options, train func(*World) error) error {
	if !o.MPI {
		return train(&World{Communicator: parallel.Alone{}})
	}
	world, err := parallel.MPI(o.Fatal)
	if err != nil {
		rank, _ := parallel.LaunchedRank.Says()
		return byFirst(rank, err)
	}
	watch := &parallel.Watch{Communicator: world, Lost: func(what string) { lost(o, world, what) }}
	w := &World{Communicator: watch}
	if err = train(w); err != nil && !w.agreed && w.Size() > 1 {
		time.Sleep(min(time.Duration(w.Rank()), 1) * precedence) // all may have the same error
		world.Abort(err)
	}
	if left := world.Close(); err == nil {
		err = left
	}
	return byFirst(w.Rank(), err)
}

// precedence is how long the first process may be faster to say what is wrong.
const precedence = 300 * time.Millisecond

// byFirst is an error that all processes have, and the first of them says.
func byFirst(rank int, err error) error {
	if err == nil || rank == 0 {
		return err
	}
	return &SaidError{err}
}

// saying is how long a process that misses others lets them say what they miss before it ends all.
const saying = 2 * time.Second

func lost(o Options, world parallel.MPIWorld, what string) {
	err := &LostError{what + ": it is taken for lost"}
	fmt.Fprintln(o.Stderr, "unroll: "+err.Error())
	time.Sleep(saying)
	world.Abort(&SaidError{err})
}

// Trained notes how a training ended, and gives its error.
func (w *World) Trained(err error) error {
	w.agreed = err == nil || run.Agreed(err)
	return err
}

// Stderr is where a process says that it stops: one of them does. The others are stopped by their launcher, too, which
// asks them to when one has failed.
func (w *World) Stderr(to io.Writer) io.Writer {
	if w.Rank() > 0 {
		return io.Discard
	}
	return to
}

// Threads are those of this process, if it is not said how many: its share of the processors that it may use.
func (w *World) Threads(said int) int {
	if n, _ := parallel.LaunchedLocalSize.Says(); said == 0 && w.Size() > 1 && n > 1 {
		return max(1, runtime.NumCPU()/n)
	}
	return said
}

// Follow trains on a rank that has no folder.
func (w *World) Follow(stop *interrupt.Listener, load func() (run.Task, error)) error {
	stop.Use(elsewhere{})
	task, err := load()
	if err != nil {
		return err
	}
	defer task.Close()
	_, err = run.Follow(stop.Context(), task, run.Options{Report: began{run.Lines(io.Discard), stop}})
	return w.Trained(err)
}

// elsewhere is the folder of rank 0.
type elsewhere struct{}

func (elsewhere) Dir() string { return "the folder of rank 0" }
func (elsewhere) Saved() bool { return true }
func (elsewhere) Abandon()    {}

// began tells the listener that steps are taken.
type began struct {
	run.Reporter
	stop *interrupt.Listener
}

func (b began) Begin(run.Start) { b.stop.Begin() }
