// Package interrupt hears the signals that ask a training to stop.
//
// INT, TERM and USR1 ask for the same: finish the step, save, and end so that the training can go on later. Machines
// send TERM (a preempted job, a pod that is evicted) and USR1 (a time limit that comes near); if they insist, they
// send KILL. People press Ctrl-C, and may press it again.
//
// It must not know what a training is.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"time"
)

// Together is how long signals count as one wish to stop: timeout(1) and supervisors signal a process and then
// its group, which it is in.
const Together = time.Second

// heard are the signals that nobody has obeyed yet.
var heard = make(chan os.Signal, 4)

// init hears signals before the other packages of a command that trains are initialised: that takes longer than all
// that this package needs, and a signal until then would be lost (USR1) or end the process as if it had failed
// (TERM).
func init() {
	if early {
		signal.Notify(heard, Signals...)
	}
}

// early says that the process is one that trains, from its beginning to its end.
var early = len(os.Args) > 1 && os.Args[1] == "train"

// Folder is that of the run which is to be stopped.
type Folder interface {
	Dir() string
	Saved() bool // there is a checkpoint to go on from
	Abandon()    // gives the folder back as it was before a run was begun in it
}

// Options is what a Listener needs of its program.
type Options struct {
	Say    func(message, command string) // tells the user something, and the command to run next, if there is one
	Code   int                           // the exit code of a process that was stopped
	Resume func(dir string) string       // the command line that goes on with the run in a folder
}

// Listener obeys the wish to stop. The first signal asks the training to stop after its step. An INT a second later
// or more ends the process at once, which the checkpoints survive. Before the first step any signal does.
type Listener struct {
	Options
	ctx    context.Context
	began  atomic.Bool
	done   chan struct{} // closed when nothing more is said
	folder atomic.Pointer[Folder]
}

// Listen begins to obey, signals that came before included. It also makes the process deaf to a closed terminal, a
// closed pipe and a file size limit: the training goes on, or the write that fails says so. Close it; there is one at
// a time.
func Listen(o Options) *Listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &Listener{Options: o, ctx: ctx, done: make(chan struct{})}
	if len(ignoredSignals) > 0 { // none would mean all
		signal.Ignore(ignoredSignals...)
	}
	signal.Notify(heard, Signals...)
	go func() {
		defer close(l.done)
		defer stop()
		l.obey(stop)
	}()
	return l
}

// Context is done when the training is to stop.
func (l *Listener) Context() context.Context { return l.ctx }

// Use says which folder the run is in.
func (l *Listener) Use(f Folder) { l.folder.Store(&f) }

// Begin says that steps are taken from now on.
func (l *Listener) Begin() { l.began.Store(true) }

func (l *Listener) obey(stop func()) {
	var first time.Time
	for s := range heard {
		switch {
		case s == closed:
			return
		case !l.began.Load():
			if f := l.folder.Load(); f != nil {
				(*f).Abandon()
			}
			l.exit("stopped before the first step of this process: repeat the command to begin, or to go on", "")
		case first.IsZero():
			first = time.Now()
			stop()
			l.Say("stopping after this step; Ctrl-C, a second later, stops at once, without saving", "")
		case s != os.Interrupt || time.Since(first) < Together:
		default:
			f := *l.folder.Load()
			l.exit(atOnce(f), l.Resume(f.Dir()))
		}
	}
}

// atOnce says what is left of a run that ends within a step; the command that goes on follows.
func atOnce(f Folder) string {
	if f.Saved() {
		return "stopped at once: the last checkpoint is whole, what came after it is lost; continue with"
	}
	return "stopped at once, before the first checkpoint: nothing is saved; begin again with"
}

func (l *Listener) exit(why, command string) {
	l.Say(why, command)
	os.Exit(l.Code)
}

// closed stands in the channel for the end of a Listener.
var closed os.Signal = end{}

type end struct{}

func (end) String() string { return "end" }
func (end) Signal()        {}

// Close ends obeying; signals are again what they were, unless the process only trains: it ends now, and a signal
// must not change its exit code.
func (l *Listener) Close() {
	if !early {
		signal.Stop(heard)
	}
	heard <- closed
	<-l.done
	if len(ignoredSignals) > 0 {
		signal.Reset(ignoredSignals...)
	}
}
