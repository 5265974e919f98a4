package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/unroll-ml/unroll/trainer/run"
)

// together is how long signals count as one wish to stop: timeout(1) and supervisors signal a process and then
// its group, which it is in.
const together = time.Second

// interrupt listens for the wish to stop. The first INT or TERM asks the training to stop after its step;
// another one, later, ends the process at once, which the checkpoints survive. Before the first step the first
// one does.
type interrupt struct {
	ctx     context.Context // done when the training is to stop
	began   atomic.Bool     // steps are taken
	args    []string        // of the command line
	stderr  io.Writer
	signals chan os.Signal
	done    chan struct{} // closed when nothing more is said

	folder atomic.Pointer[run.Folder] // of the run
}

// listen also makes the process deaf to a closed terminal, a closed pipe and a file size limit: the training
// goes on, or the write that fails says so.
func listen(stderr io.Writer, folder *run.Folder, args []string) *interrupt {
	ctx, stop := context.WithCancel(context.Background())
	i := &interrupt{
		ctx: ctx, args: args, stderr: stderr, signals: make(chan os.Signal, 2), done: make(chan struct{}),
	}
	i.use(folder)
	if len(ignoredSignals) > 0 { // none would mean all
		signal.Ignore(ignoredSignals...)
	}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(i.done)
		defer stop()
		i.obey(stop)
	}()
	return i
}

func (i *interrupt) obey(stop func()) {
	var first time.Time
	for range i.signals {
		switch {
		case !i.began.Load():
			i.folder.Load().Abandon()
			i.exit("stopped before the first step of this process: repeat the command to begin, or to go on")
		case first.IsZero():
			first = time.Now()
			stop()
			fmt.Fprintln(i.stderr,
				"unroll: stopping after this step; once more, a second later, to stop at once, without saving")
		case time.Since(first) < together:
		case i.folder.Load().Saved():
			i.exit("stopped at once: the last checkpoint is whole, what came after it is lost; continue with " + i.resume())
		default:
			i.exit("stopped at once, before the first checkpoint: nothing is saved; begin again with " + i.resume())
		}
	}
}

// use says that the run is in another folder.
func (i *interrupt) use(folder *run.Folder) { i.folder.Store(folder) }

// resume is the command line that continues the run.
func (i *interrupt) resume() string { return resumeCommand(i.args, i.folder.Load().Dir()) }

func (i *interrupt) exit(why string) {
	fmt.Fprintln(i.stderr, "unroll: "+why)
	os.Exit(exitStopped)
}

func (i *interrupt) close() {
	signal.Stop(i.signals)
	close(i.signals)
	<-i.done
	if len(ignoredSignals) > 0 {
		signal.Reset(ignoredSignals...)
	}
}
