// Package serve answers over HTTP with trained runs: a page for people, and an API of JSON for programs.
//
// Requests that come together are predicted together: each model has a queue, of which one goroutine takes batch after
// batch, so that a model is used by one goroutine only. What is read from the network has limits, of size and of time.
//
// The package knows runs by trainer/run alone. It must not know flags, exit codes and terminals.
package serve

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Config says what is served, and within which limits.
type Config struct {
	Runs     []string     // the folders
	Ensemble bool         // the runs answer together, as one model: see run.Join
	Options  []run.Option // of all runs, such as the device
	Token    string       // that callers must have; "": none, and only callers of this machine are answered
	Tell     func(string) // is told what a person should know; nil: nobody

	Batch    int           // the most inputs that are predicted together
	Wait     time.Duration // that the first of them waits for others
	Queue    int           // the most inputs that wait for a model
	Requests int           // the most requests that are worked on at once
	Timeout  time.Duration // of a request
	Body     time.Duration // in which the body of a request must come
	Drain    time.Duration // in which what was accepted is answered when the server ends
	Poll     time.Duration // between two looks for newer checkpoints
}

// Defaults are the limits where nothing is said.
func Defaults() Config {
	return Config{
		Batch: run.MostTexts, Wait: 2 * time.Millisecond, Queue: 256, Requests: 512, Timeout: 30 * time.Second,
		Body: 10 * time.Second, Drain: 30 * time.Second, Poll: 2 * time.Second,
	}
}

func (c *Config) check() error {
	for _, x := range []struct {
		name         string
		value, least int
	}{{"Runs", len(c.Runs), 1}, {"Batch", c.Batch, 1}, {"Queue", c.Queue, 1}, {"Requests", c.Requests, 1}} {
		if err := setting.AtLeast(x.name, x.value, x.least); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		name  string
		value time.Duration
	}{{"Timeout", c.Timeout}, {"Body", c.Body}, {"Drain", c.Drain}, {"Poll", c.Poll}} {
		if err := setting.Positive(x.name, x.value.Seconds()); err != nil {
			return err
		}
	}
	return setting.AtLeast("Wait", c.Wait.Seconds(), 0)
}

// Server answers with the models of runs.
type Server struct {
	config    Config
	models    []*model
	metrics   *serverMetrics
	working   atomic.Int64  // requests
	calls     atomic.Uint64 // so far
	followers atomic.Int64
	draining  chan struct{}   // closed when the server is to end
	ended     context.Context // done when nothing more is answered
	end       context.CancelFunc
}

// New opens the runs. The errors are those of run.Open and of its models; a run that has no checkpoint yet is none:
// its training is shown, and its model used as soon as there is one. Serve must follow.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Tell == nil {
		c.Tell = func(string) {}
	}
	names := make([]string, len(c.Runs))
	for i, dir := range c.Runs {
		names[i] = filepath.Base(filepath.Clean(dir))
		if slices.Contains(names[:i], names[i]) && !c.Ensemble {
			return nil, &run.SettingsError{What: fmt.Sprintf("two runs are called %s: rename the folder of one", names[i])}
		}
	}
	groups := slices.Collect(slices.Chunk(c.Runs, 1))
	if c.Ensemble {
		names, groups = []string{strings.Join(names, "+")}, [][]string{c.Runs}
	}
	s := &Server{config: c, metrics: newMetrics(), draining: make(chan struct{})}
	s.ended, s.end = context.WithCancel(context.Background())
	for i, dirs := range groups {
		m, err := newModel(names[i], dirs, &s.config, s.metrics)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.models = append(s.models, m)
	}
	for _, m := range s.models {
		m.start(s.ended)
	}
	return s, nil
}

// find is the model of a name; nil if there is none.
func (s *Server) find(name string) *model {
	for _, m := range s.models {
		if m.name == name {
			return m
		}
	}
	return nil
}

// model is that of a name; "" is the only one.
func (s *Server) model(name string) (*model, error) {
	if name == "" && len(s.models) == 1 {
		return s.models[0], nil
	}
	var names []string
	for _, m := range s.models {
		names = append(names, m.name)
	}
	if name == "" {
		return nil, wrong(`"model" is missing: one of %s`, strings.Join(names, ", "))
	}
	if m := s.find(name); m != nil {
		return m, nil
	}
	return nil, &callError{404, fmt.Sprintf("there is no model %q: there is %s", name, strings.Join(names, ", "))}
}

// stop frees the models.
func (s *Server) stop() {
	s.end()
	for _, m := range s.models {
		m.stop()
	}
}

// What a connection may take.
const (
	headerTime  = 5 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 32 << 10
)

// Serve answers on a listener until ctx is done. Then it accepts nothing more, answers what was accepted, frees the
// models, and gives nil; a *DrainError if it took longer than the limit. A model that is still at work when the limit
// is reached is left alone.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerBytes,
		ErrorLog: log.New(teller(s.config.Tell), "", 0),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		s.stop()
		return errors.WithStack(err)
	case <-ctx.Done():
	}
	close(s.draining)
	limit, cancel := context.WithTimeout(context.Background(), s.config.Drain)
	defer cancel()
	err := server.Shutdown(limit)
	left := s.working.Load()
	s.end()
	server.Close()
	if err != nil {
		return &DrainError{int(left), s.config.Drain}
	}
	stopped := make(chan struct{})
	go func() {
		s.stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-limit.Done(): // a model is at work for a caller that has gone: it is left alone
	}
	return nil
}

// DrainError says that a server ended before it had answered all.
type DrainError struct {
	Left  int // requests
	Limit time.Duration
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("%s not answered within %v", words.Count(e.Left, "request was", "requests were"), e.Limit)
}

// teller tells what is written to it.
type teller func(string)

// Write implements io.Writer.
func (t teller) Write(p []byte) (int, error) {
	t(strings.TrimSpace(string(p)))
	return len(p), nil
}
