package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/internal/serve"
	"github.com/unroll-ml/unroll/trainer/run"
)

// serveCmd answers over HTTP with trained models.
type serveCmd struct {
	Dirs      []string      `arg:"" name:"RUN" help:"Folders that unroll train wrote; a training may still be at work there."`
	Ensemble  bool          `help:"Let the runs answer together, as one model: the mean of what they say."`
	Addr      string        `placeholder:"HOST:PORT" default:"127.0.0.1:8080" help:"Listen here: 127.0.0.1:8080 if nothing is said; port 0 is any that is free. An address that other machines reach needs a token."`
	TokenFile string        `placeholder:"FILE" help:"Answer only those who send the token in this file, as Authorization: Bearer TOKEN. Or put it into the environment variable UNROLL_TOKEN."`
	Batch     int           `default:"${serveBatch}" help:"The most inputs that are predicted together."`
	Wait      time.Duration `default:"${serveWait}" help:"How long the first input of a batch waits, at most, for as many others as came together before."`
	Queue     int           `default:"${serveQueue}" help:"The most inputs that wait for a model; more are told to come back later."`
	Timeout   time.Duration `default:"${serveTimeout}" help:"The longest time for a request, such as 30s."`
	Drain     time.Duration `default:"${serveDrain}" help:"How long the answers to accepted requests may take when the server ends."`
	useFlags
}

// Help is what --help says of it.
func (*serveCmd) Help() string {
	return "Open the address in a browser for a page to try the models, with the curves of the training. Programs " +
		"ask POST /v1/predict; /openapi.json describes the API. A newer checkpoint in a folder is used as soon as " +
		"it is there. Ctrl-C and the signal TERM end the server when what was accepted is answered."
}

// listen listens on the address that is asked for.
func (k *serveCmd) listen(token string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(k.Addr)
	if err != nil {
		return nil, usage("--addr is %q: it must be HOST:PORT, such as 127.0.0.1:8080", k.Addr)
	}
	if token == "" && !serve.Loopback(host) {
		return nil, usage("--addr %s is reached by other machines: give a token with --token-file, or use 127.0.0.1", k.Addr)
	}
	l, err := net.Listen("tcp", k.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fail(exitNoOutput, "--addr: another program listens on %s: end it, or choose another port", k.Addr)
	case err != nil:
		return nil, fail(exitNoOutput, "--addr: %s cannot be used: %v", k.Addr, err)
	}
	return l, nil
}

func (k *serveCmd) Run(a *app) error {
	if err := k.check(); err != nil {
		return err
	}
	c := serve.Defaults()
	c.Batch, c.Wait, c.Queue, c.Timeout, c.Drain = k.Batch, k.Wait, k.Queue, k.Timeout, k.Drain
	c.Runs, c.Ensemble, c.Tell = k.Dirs, k.Ensemble, notice(a.stderr)
	var err error
	if c.Token, err = serve.Token(k.TokenFile); err != nil {
		return err
	}
	for _, dir := range k.Dirs {
		if _, err := k.open(a, dir); err != nil {
			return err
		}
	}
	l, err := k.listen(c.Token)
	if err != nil {
		return err
	}
	defer l.Close()
	if c.Options, err = k.onDevice(a); err != nil {
		return err
	}
	c.Options = append(c.Options, run.Checkpoint(k.Checkpoint))
	s, err := serve.New(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "listening on http://%s\n", l.Addr())
	ctx, stop := untilInterrupted()
	defer stop()
	err = s.Serve(ctx, l)
	var late *serve.DrainError
	if errors.As(err, &late) {
		return fail(exitStopped, "%v: see --drain", late)
	}
	return err
}

// untilInterrupted is a context that INT or TERM ends. After another one, a second later, the process ends at once.
func untilInterrupted() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(interrupt.Together, stop) })
	return ctx, stop
}
