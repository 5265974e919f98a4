package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// interrupt listens for the wish to stop. The first INT or TERM asks the training to stop after its step; the second ends the
// process at once, which the checkpoints survive. Before the first step the first one does.
type interrupt struct {
	ctx     context.Context // done when the training is to stop
	began   atomic.Bool     // steps are taken
	abandon func()          // gives back what was made for a run that did not begin; nil: nothing
	signals chan os.Signal
	done    chan struct{} // closed when nothing more is said
}

// listen also makes the process deaf to a closed terminal, a closed pipe and a file size limit: the training goes on, or the write
// that fails says so.
func listen(stderr io.Writer, abandon func()) *interrupt {
	ctx, stop := context.WithCancel(context.Background())
	i := &interrupt{ctx: ctx, abandon: abandon, signals: make(chan os.Signal, 2), done: make(chan struct{})}
	if len(ignoredSignals) > 0 { // none would mean all
		signal.Ignore(ignoredSignals...)
	}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(i.done)
		defer stop()
		for range i.signals {
			if !i.began.Load() {
				if i.abandon != nil {
					i.abandon()
				}
				fmt.Fprintln(stderr, "unroll: stopped before the first step of this process: repeat the command to begin, or to go on")
				os.Exit(exitStopped)
			}
			if ctx.Err() != nil {
				fmt.Fprintln(stderr, "unroll: stopped at once: the last checkpoint is whole, what came after it is lost; repeat the command to go on from there")
				os.Exit(exitStopped)
			}
			stop()
			fmt.Fprintln(stderr, "unroll: stopping after this step; once more to stop at once, without saving")
		}
	}()
	return i
}

func (i *interrupt) close() {
	signal.Stop(i.signals)
	close(i.signals)
	<-i.done
	if len(ignoredSignals) > 0 {
		signal.Reset(ignoredSignals...)
	}
}
