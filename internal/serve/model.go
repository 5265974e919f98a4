package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/run"
)

// task is the model of a run in use: what is particular to its task. Its methods but predict and close may be called
// by several goroutines, even after close.
type task interface {
	// input reads an input of a request; the error says what is wrong with it.
	input(raw json.RawMessage) (any, error)

	// steps is how many steps the model takes for such an input, about: those of as many are read together.
	steps(input any) int

	// check says what is wrong with options that are within their bounds, and completes them.
	check(o *options) error

	// predict says what inputs become. emit is given the tokens of a text as they are written; nil: nobody waits for
	// them. A *callError is the caller's fault.
	predict(ctx context.Context, o *options, inputs []any, emit func(token)) ([]output, error)

	// together says whether inputs with such options may be those of several requests.
	together(o *options) bool

	close() error
}

// loaded is a checkpoint that is in use.
type loaded struct {
	task
	run   *run.Run
	stamp stamp
}

// stamp tells checkpoints apart without reading them.
type stamp struct {
	name    string
	step    int
	changed time.Time
}

// model is a run that is served.
type model struct {
	name    string
	dirs    []string // of the run, or of those that answer together
	opened  *run.Run // as it was when the server began
	config  *Config
	metrics *modelMetrics
	queue   queue
	current atomic.Pointer[loaded] // nil: there is no checkpoint yet
	newer   atomic.Pointer[loaded] // takes the place of current after the batch
	tried   stamp                  // the newest checkpoint that was looked at
	ended   sync.WaitGroup
}

// noModel is the error of a run that has no checkpoint yet.
var noModel = &callError{503, "the run has no checkpoint yet: wait until its training saves one"}

func newModel(name string, dirs []string, c *Config, m *serverMetrics) (*model, error) {
	r, err := run.OpenEnsemble(dirs, c.Options...)
	if err != nil {
		return nil, err
	}
	if _, err := opener(r); err != nil {
		return nil, err
	}
	x := &model{
		name: name, dirs: dirs, opened: r, config: c,
		queue: queue{most: c.Batch, wait: c.Wait, limit: c.Queue, wake: make(chan struct{}, 1)},
	}
	x.metrics = m.model(name, x.queue.waiting)
	if err := x.look(); err != nil {
		return nil, err
	}
	x.swap()
	return x, nil
}

// stampOf is that of the checkpoints that a run, and those that joined it, would use; false if one has none. It has the
// name and the step of the first, and the time of the newest.
func stampOf(r *run.Run) (now stamp, all bool, err error) {
	for i, x := range r.Members() {
		dir := filepath.Join(x.Dir(), x.Checkpoint())
		f, err := checkpoint.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return stamp{}, false, nil
		}
		if err != nil {
			return stamp{}, false, err
		}
		if i == 0 {
			now = stamp{name: x.Checkpoint(), step: f.Step()}
		}
		f.Close()
		info, err := os.Stat(filepath.Join(dir, "manifest.json"))
		if err == nil && info.ModTime().After(now.changed) { // else it was just replaced
			now.changed = info.ModTime()
		}
	}
	return now, true, nil
}

// look loads the checkpoint of the run if it is another one than that which was looked at last.
func (m *model) look() error {
	r, err := run.OpenEnsemble(m.dirs, m.config.Options...)
	if err != nil {
		return err
	}
	now, any, err := stampOf(r)
	if err != nil || !any || now == m.tried {
		return err
	}
	m.tried = now
	if before := m.current.Load(); before != nil {
		if err := r.Want(before.run.Config().Task); err != nil {
			return err
		}
	}
	open, err := opener(r)
	if err != nil {
		return err
	}
	t, err := open(r)
	if err != nil {
		return err
	}
	if unused := m.newer.Swap(&loaded{t, r, now}); unused != nil {
		unused.close()
	}
	signal(m.queue.wake)
	return nil
}

// opener makes the model of a run ready; the error says that the run cannot be served.
func opener(r *run.Run) (func(*run.Run) (task, error), error) {
	c := r.Config()
	switch c.Task {
	case run.TaskSeq2Seq:
		return openTranslator, nil
	case run.TaskLM:
		return openWriter, nil
	case run.TaskTag:
		return openTagger, nil
	case run.TaskForecast:
		return openForecaster, nil
	case run.TaskRegress:
		return openRegressor, nil
	case run.TaskClassify:
		if r.Vocab() == nil && c.Model.Series == nil {
			return nil, &run.DataError{What: r.Dir() + " classifies images, which are not served: use unroll classify --idx"}
		}
		return openClassifier, nil
	}
	return nil, r.Want(run.TaskSeq2Seq, run.TaskLM, run.TaskTag, run.TaskForecast, run.TaskRegress, run.TaskClassify)
}

// swap makes the newer checkpoint, if there is one, the one in use. Only one goroutine may call it.
func (m *model) swap() {
	newer := m.newer.Swap(nil)
	if newer == nil {
		return
	}
	old := m.current.Load()
	if w, ok := newer.task.(*writer); ok && old != nil {
		w.takeOver(old.task.(*writer))
	}
	m.current.Store(newer)
	m.queue.cost = newer.run.StepCost()
	m.metrics.step.Set(float64(newer.run.At().Step))
	m.metrics.reloads.WithLabelValues("loaded").Inc()
	m.config.Tell(fmt.Sprintf("%s: the checkpoint %s of step %s is used", m.name, newer.stamp.name,
		words.Thousands(newer.stamp.step)))
	if old == nil {
		return
	}
	if err := old.close(); err != nil {
		m.config.Tell(fmt.Sprintf("%s: the checkpoint before it could not be closed: %v", m.name, err))
	}
}

// start begins to answer calls, and to look for newer checkpoints until ctx is done. stop ends it.
func (m *model) start(ctx context.Context) {
	m.ended.Go(m.serve)
	m.ended.Go(func() { m.watch(ctx) })
}

// stop answers what waits, and frees the model. watch must have been told to end.
func (m *model) stop() {
	m.queue.close()
	m.ended.Wait()
	for _, x := range []*loaded{m.current.Load(), m.newer.Load()} {
		if x != nil {
			x.close()
		}
	}
}

func (m *model) watch(ctx context.Context) {
	every := time.NewTicker(m.config.Poll)
	defer every.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if err := m.look(); err != nil && err.Error() != said {
			said = err.Error()
			m.metrics.reloads.WithLabelValues("failed").Inc()
			m.config.Tell(fmt.Sprintf("%s: a newer checkpoint cannot be used, the one before it stays: %v", m.name, err))
		}
	}
}

// serve answers calls, batch after batch, until the queue is closed and empty.
func (m *model) serve() {
	for {
		items, more := m.queue.batch()
		if !more {
			return
		}
		m.swap()
		if len(items) > 0 {
			m.answer(items)
		}
	}
}

// answer predicts a batch. If that fails, each call is tried alone, so that one cannot spoil what others asked for.
func (m *model) answer(items []item) {
	m.metrics.batch.Observe(float64(len(items)))
	began := time.Now()
	defer func() { m.metrics.busy.Observe(time.Since(began).Seconds()) }()
	ctx, cancel := anyOf(items)
	defer cancel()
	outputs, err := m.predict(ctx, items)
	if err == nil {
		m.deliver(items, outputs)
		return
	}
	calls := perCall(items)
	if len(calls) == 1 {
		m.fail(items[0].call, err)
		return
	}
	for _, own := range calls {
		if own[0].ctx.Err() != nil {
			continue
		}
		if outputs, err := m.predict(own[0].ctx, own); err != nil {
			m.fail(own[0].call, err)
		} else {
			m.deliver(own, outputs)
		}
	}
}

// predict is task.predict for the inputs of a batch. A panic is an error: the other models go on.
func (m *model) predict(ctx context.Context, items []item) (outputs []output, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("internal error: %v", p)
		}
	}()
	inputs := make([]any, len(items))
	for i, x := range items {
		inputs[i] = x.inputs[x.index]
	}
	var emit func(token)
	if items[0].stream {
		emit = func(t token) { items[0].mailbox.put(event{input: items[0].index, token: &t}) }
	}
	outputs, err = m.current.Load().predict(ctx, items[0].options, inputs, emit)
	if err == nil && len(outputs) != len(items) {
		err = errors.Errorf("internal error: %d outputs of %d inputs", len(outputs), len(items))
	}
	return outputs, err
}

func (m *model) deliver(items []item, outputs []output) {
	step := m.current.Load().run.At().Step
	for i, x := range items {
		x.mailbox.put(event{input: x.index, output: &outputs[i], step: step})
	}
	m.metrics.inputs.Add(float64(len(items)))
}

// fail ends a call.
func (m *model) fail(c *call, err error) {
	m.queue.remove(c)
	if status, what := statusOf(err); status == 500 && c.ctx.Err() == nil {
		m.config.Tell(fmt.Sprintf("%s: %s", m.name, what))
	}
	c.mailbox.put(event{err: err})
}

// perCall are the items of each call.
func perCall(items []item) (calls [][]item) {
	for from, i := 0, 1; i <= len(items); i++ {
		if i == len(items) || items[i].call != items[from].call {
			calls = append(calls, items[from:i])
			from = i
		}
	}
	return calls
}

// anyOf is a context that is done when the callers of all items have gone.
func anyOf(items []item) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	calls := perCall(items)
	left := atomic.Int64{}
	left.Store(int64(len(calls)))
	var stops []func() bool
	for _, own := range calls {
		stops = append(stops, context.AfterFunc(own[0].ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		cancel()
		for _, stop := range stops {
			stop()
		}
	}
}
