package run

import (
	"maps"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Option gives a run a part that its configuration can only name. The same ones go to those who train a run and
// to those who open it.
type Option func(*with)

// with are parts of a run that its configuration can only name.
type with struct {
	device     tape.Device // nil: that of Running
	tell       func(string)
	checkpoint string
	from       *beginning // nil: fresh weights
	vectors    []loaded   // that embeddings begin with
	cells      map[string]models.CellKind
	attentions map[string]models.AttentionKind
	optimizers map[string]optim.Optimizer
	lm         func(trainer.LMConfig) (LM, error)
	world      parallel.Communicator // nil: this process is alone
	folder     *Folder               // nil: not known yet
}

// On computes on a device, instead of the one that the configuration names.
func On(d tape.Device) Option { return func(w *with) { w.device = d } }

// Tell lets f know, in one line each, of what does not stop the work: see device.Tell.
func Tell(f func(message string)) Option { return func(w *with) { w.tell = f } }

// Checkpoint chooses the checkpoint that is read of a run that Open opens: Best, Last, or one that was kept, by
// its step such as "380". Without it, it is the best one or, before the first validation, the last one.
func Checkpoint(name string) Option { return func(w *with) { w.checkpoint = name } }

// In says in which folder the task is probably trained: texts and pairs that stay on the disk are then encoded once,
// into a file there, or not at all if the run in the folder has kept their tokens. Nothing in the folder changes by it.
// Without it they are encoded once to be counted, and again to be kept or read.
func In(f *Folder) Option { return func(w *with) { w.folder = f } }

// Cell gives a cell of one's own, which Model.Cell names, or the setting decoder_cell of a forecaster.
func Cell(name string, kind models.CellKind) Option {
	return func(w *with) { w.cells = added(w.cells, name, kind) }
}

// Attention gives an attention of one's own, which Model.Attention names.
func Attention(name string, kind models.AttentionKind) Option {
	return func(w *with) { w.attentions = added(w.attentions, name, kind) }
}

// Optimizer gives an optimizer of one's own, which Training.Optimizer names. A run is opened and used without it.
func Optimizer(name string, o optim.Optimizer) Option {
	return func(w *with) { w.optimizers = added(w.optimizers, name, o) }
}

// added is a map with one more entry, or one less where that is nil. It is another map: configurations are copied.
func added[V comparable](m map[string]V, name string, v V) map[string]V {
	more := map[string]V{}
	maps.Copy(more, m)
	var none V
	if more[name] = v; v == none {
		delete(more, name)
	}
	return more
}

// InWorld trains together with other processes, each of which makes the same task of the same data and calls Train: see
// trainer.Training.World. Rank 0 has the folder and reports.
func InWorld(c parallel.Communicator) Option { return func(w *with) { w.world = c } }

// WithLM makes language models with f instead of trainer.NewLM.
func WithLM(f func(trainer.LMConfig) (LM, error)) Option { return func(w *with) { w.lm = f } }

func (c *Config) use(opts []Option) {
	for _, o := range opts {
		if o != nil {
			o(&c.with)
		}
	}
}

// open gets the device ready that the configuration names, unless there is one.
func (c *Config) open() error {
	if c.with.device != nil {
		return nil
	}
	r := &c.Running
	opts := []device.Option{device.Threads(r.Threads), device.Precision(r.Precision), device.World(c.with.world)}
	if c.with.tell != nil {
		opts = append(opts, device.Tell(c.with.tell))
	}
	d, err := device.Open(r.Device, opts...)
	c.with.device = d
	return err
}

// begin makes c the configuration of a new run, checks it, and opens its device.
func (c *Config) begin(task string, opts []Option) error {
	c.Format, c.Task = ConfigFormat, task
	c.use(opts)
	if err := c.inherit(); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	if err := c.sizeVectors(); err != nil {
		return err
	}
	return c.open()
}

// Load makes the task that a configuration asks for, with fresh weights unless there is a From: it reads the data that
// are named there, and notes which they are. Start from Defaults.
func Load(c Config, opts ...Option) (Task, error) {
	if err := c.begin(c.Task, opts); err != nil {
		return nil, err
	}
	return kindOf(c.Task).load(&c)
}

// Check says whether the precision is for the device.
func (r *Running) Check() error {
	if device.NeedsGPU(r.Precision) && r.Device != device.CUDA && r.Device != device.Auto {
		return settings("`precision` %s is for `device` cuda, and the device is %s: leave one of them out",
			r.Precision, r.Device)
	}
	switch {
	case r.Recompute < 0:
		return settings("`recompute` is %d: it must be at least 1", r.Recompute)
	case r.Memory < 0:
		return settings("`memory` is %d: it must be at least 1", r.Memory)
	}
	return nil
}

// Defaults is the configuration that a task has if nothing else is said: that of the command unroll without flags.
func Defaults(task string) Config {
	c := Config{
		Format: ConfigFormat, Task: task,
		Model: Model{Cell: "gru", Hidden: 128, Layers: 1, Embed: 32, Tokens: string(datasets.Char), MinFreq: 1},
		Training: Training{
			Batch: 32, Optimizer: "adam", LR: DefaultLR["adam"], Clip: 5, Accumulate: 1, Schedule: "constant",
			MaxSkipped: 10, Best: LossScore,
			Seed: 1, Epochs: 10,
		},
		Running: Running{Device: device.Auto, Precision: device.FP32},
	}
	if k := kindOf(task); k != nil {
		k.defaults(&c)
	}
	return c
}
