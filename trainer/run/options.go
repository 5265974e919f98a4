package run

import (
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/device"
)

// Option gives a run a part that its configuration can only name. The same ones go to those who train a run and to those who open it.
type Option func(*with)

// with are parts of a run that its configuration can only name.
type with struct {
	device     tape.Device // nil: that of Running
	tell       func(string)
	checkpoint string
	lm         func(trainer.LMConfig) (LM, error)
}

// On computes on a device, instead of the one that the configuration names.
func On(d tape.Device) Option { return func(w *with) { w.device = d } }

// Tell lets f know, in one line each, of what does not stop the work: see device.Tell.
func Tell(f func(message string)) Option { return func(w *with) { w.tell = f } }

// Checkpoint chooses the checkpoint that Open reads: Best, the default, or Last.
func Checkpoint(name string) Option { return func(w *with) { w.checkpoint = name } }

// WithLM makes language models with f instead of trainer.NewLM.
func WithLM(f func(trainer.LMConfig) (LM, error)) Option { return func(w *with) { w.lm = f } }

func (c *Config) use(opts []Option) {
	for _, o := range opts {
		o(&c.with)
	}
}

// open gets the device ready that the configuration names, unless there is one.
func (c *Config) open() error {
	if c.with.device != nil {
		return nil
	}
	r := &c.Running
	opts := []device.Option{device.Threads(r.Threads), device.Precision(r.Precision)}
	if c.with.tell != nil {
		opts = append(opts, device.Tell(c.with.tell))
	}
	d, err := device.Open(r.Device, opts...)
	c.with.device = d
	return err
}

// begin makes c the configuration of a new run, checks it, and opens its device.
func (c *Config) begin(task string, opts []Option) error {
	c.Format, c.Task = configFormat, task
	c.use(opts)
	if err := c.Check(); err != nil {
		return err
	}
	return c.open()
}

// Load makes the task that a configuration asks for, with fresh weights: it reads the data that are named there, and notes which they are.
// Start from Defaults.
func Load(c Config, opts ...Option) (Task, error) {
	if err := c.begin(c.Task, opts); err != nil {
		return nil, err
	}
	switch c.Task {
	case TaskLM:
		data, err := readCorpus(&c)
		if err != nil {
			return nil, err
		}
		return newLMTask(&c, data)
	case TaskClassify:
		return readClassifier(&c)
	}
	return readSeq2Seq(&c)
}
