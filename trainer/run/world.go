package run

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// A training of several processes is one training: each takes all steps, on its parts of the batches, and all decide
// alike. What a process knows by itself alone, a signal, its clock, what it has read from its disk, is made known to all
// before anything depends on it, because a process that goes another way than the others leaves them waiting.

// worldOf are the processes that train a task together: a task of a program's own says so by its model.
func worldOf(t Task) parallel.Communicator {
	if c := t.Config(); c.with.world != nil {
		return c.with.world
	}
	return ranksOf(t)
}

// ranksOf are the processes that train a model together, as the models of package trainer tell.
func ranksOf(m any) parallel.Communicator {
	if m, ok := m.(interface{ Ranks() parallel.Communicator }); ok {
		return m.Ranks()
	}
	return parallel.Alone{}
}

// Follow is Train of a rank other than 0: it takes the steps, and leaves the folder and what is said of it to rank 0.
func Follow(ctx context.Context, t Task, o Options) (End, error) {
	if err := trainable(ctx, t); err != nil {
		return End{}, err
	}
	if worldOf(t).Rank() == 0 {
		return End{}, settings("rank 0 of the processes that train together follows none: it trains in a folder, with Train")
	}
	return jointly(worldOf(t), func() (End, error) {
		r, err := newTraining(t, o)
		if err == nil {
			err = r.agree()
		}
		if err != nil {
			return End{}, err
		}
		return r.run(ctx)
	})
}

// jointly trains, and tells the other processes of an error that they do not have themselves.
func jointly(world parallel.Communicator, train func() (End, error)) (End, error) {
	end, err := train()
	if err != nil && !Agreed(err) {
		world.Abort(err)
	}
	return end, err
}

// Agreed says whether an error of Train is that of all processes which train together.
func Agreed(err error) bool {
	var (
		stopped  *StoppedError
		diverged *DivergedError
		disagree *DisagreeError
		aborted  *parallel.AbortedError
		finished *FinishedError
	)
	return errors.As(err, &stopped) || errors.As(err, &diverged) || errors.As(err, &disagree) ||
		errors.As(err, &aborted) || errors.As(err, &finished)
}

// ownRows is a batch in which examples are missing that other processes compute.
func ownRows(g batches.Group, world parallel.Communicator) batches.Group {
	rows := len(g.Examples) / world.Size()
	from := rows * world.Rank()
	own := slices.Repeat([]int32{-1}, len(g.Examples))
	copy(own[from:][:rows], g.Examples[from:])
	g.Examples = own
	return g
}

// follows says whether another process has the folder.
func (r *training) follows() bool { return r.world.Rank() > 0 }

func (r *training) dir() string {
	if r.follows() {
		return ""
	}
	return r.folder.dir
}

func (r *training) path(name string) string {
	if r.follows() {
		return name
	}
	return r.folder.path(name)
}

// enters says to who watches over the processes what this one begins to do.
func (r *training) enters(what string, step bool) { parallel.Enter(r.world, what, step) }

// any says whether something is so in one of the processes at least.
func (r *training) any(is bool) (bool, error) {
	bits := uint32(0)
	if is {
		bits = 1
	}
	bits, err := r.world.Vote(bits)
	return bits != 0, err
}

// spent says whether the budget is; the clock is that of rank 0.
func (r *training) spent() (bool, error) {
	spent := r.budget.spent(r.at.Step, r.seconds())
	if r.budget.steps > 0 {
		return spent, nil
	}
	return r.any(spent && !r.follows())
}

// wish is why the training is to stop: the cause of the context or, if that of another process is done, that it was.
func wish(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return context.Canceled
}

// fromFirst makes what the value that rank 0 has.
func (r *training) fromFirst(mine, what any) error {
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(mine); err != nil {
		return errors.WithStack(err)
	}
	first, err := r.world.Bcast(data.Bytes())
	if err != nil {
		return err
	}
	return errors.WithStack(gob.NewDecoder(bytes.NewReader(first)).Decode(what))
}

// loader is a model that remembers what was loaded into it.
type loader struct {
	Learner
	weights, state []checkpoint.Tensor
}

// Load implements Learner.
func (l *loader) Load(weights, state []checkpoint.Tensor) error {
	l.weights, l.state = weights, state
	return l.Learner.Load(weights, state)
}

// standing is where a run stands before the first step of this process.
type standing struct {
	At       Position
	Loaded   bool           // of a checkpoint
	Finished *FinishedError // there are no steps left
	Tokens   string         // the folder in which files of tokens are
}

// stand gives where rank 0 stands, which alone needs the folder.
func (r *training) stand(mine standing) (first standing, err error) {
	if r.world.Size() == 1 {
		return mine, nil
	}
	r.enters("the beginning", false)
	err = r.fromFirst(&mine, &first)
	return first, err
}

// begin makes all processes stand where rank 0 does.
func (r *training) begin() error {
	mine := standing{At: r.at, Loaded: r.loaded != nil}
	if !r.follows() {
		mine.Tokens, _ = filepath.Abs(r.folder.dir) // "": nobody finds them, and all encode
	}
	first, err := r.stand(mine)
	switch {
	case err != nil:
		return err
	case first.Finished != nil:
		return first.Finished
	}
	r.at = first.At
	if r.follows() {
		r.shareTokens(first.Tokens)
	}
	if !first.Loaded || r.world.Size() == 1 {
		return nil
	}
	var weights, state []checkpoint.Tensor
	if !r.follows() {
		weights, state = r.loaded.weights, r.loaded.state
		r.loaded = nil
	}
	return r.take(weights, state)
}

// shape is a tensor without its numbers.
type shape struct {
	Name  string
	Shape []int
	State bool
}

// take loads the tensors of rank 0 into the models of all others.
func (r *training) take(weights, state []checkpoint.Tensor) error {
	var mine, shapes []shape
	var numbers []byte
	for i, t := range slices.Concat(weights, state) {
		mine = append(mine, shape{t.Name, t.Shape, i >= len(weights)})
		numbers = append(numbers, parallel.Bytes(t.Data.([]float32))...)
	}
	if err := r.fromFirst(&mine, &shapes); err != nil {
		return err
	}
	numbers, err := r.world.Bcast(numbers)
	if err != nil || !r.follows() {
		return err
	}
	weights, state = nil, nil
	for _, s := range shapes {
		n := 4
		for _, d := range s.Shape {
			n *= d
		}
		t := checkpoint.Tensor{Name: s.Name, Shape: s.Shape, Data: parallel.Floats(numbers[:n])}
		numbers = numbers[n:]
		if s.State {
			state = append(state, t)
		} else {
			weights = append(weights, t)
		}
	}
	return r.task.Load(weights, state)
}

// tensors are the weights and the training state, which all processes have alike. Should processors that compute
// differently have made them differ, all take those of rank 0.
func (r *training) tensors() (weights, state []checkpoint.Tensor, err error) {
	if weights, err = r.task.Params(); err != nil {
		return nil, nil, err
	}
	if state, err = r.task.TrainState(); err != nil || r.world.Size() == 1 {
		return weights, state, err
	}
	sums, err := r.world.Gather(sum(weights, state))
	if err != nil {
		return nil, nil, err
	}
	other := slices.IndexFunc(sums, func(s []byte) bool { return !bytes.Equal(s, sums[0]) })
	if other < 0 {
		return weights, state, nil
	}
	r.Report.Notice(fmt.Sprintf("the weights of rank %d are no longer those of rank 0, as happens where processors differ: "+
		"all take those of rank 0", other))
	return weights, state, r.take(weights, state)
}

// sum is the SHA-256 of tensors.
func sum(tensors ...[]checkpoint.Tensor) []byte {
	h := sha256.New()
	for _, t := range slices.Concat(tensors...) {
		fmt.Fprintln(h, t.Name, t.Shape)
		h.Write(parallel.Bytes(t.Data.([]float32)))
	}
	return h.Sum(nil)
}

// measured is what a validation gave. The loss and the score are those of rank 0.
type measured struct {
	Metrics
	score     float64
	stopped   bool   // someone asked to stop meanwhile
	notFinite string // what was not; "": all was
}

// measure validates: all processes together if the task can do that, else rank 0 while the others wait.
func (r *training) measure(ctx context.Context) (m measured, err error) {
	switch {
	case r.world.Size() == 1:
		return r.measureHere(ctx)
	case kindOf(r.config.Task).shared():
		m, err = r.measureHere(parallel.Sharing(ctx, r.world))
	case r.follows():
		err = r.waitForFirst(ctx)
	default:
		if m, err = r.measureHere(&askingContext{Context: ctx, world: r.world}); err == nil {
			_, err = r.world.Vote(doneBit)
		}
	}
	if err != nil {
		return m, err
	}
	return r.decide(m)
}

// waitForFirst waits until rank 0 has validated, which asks between batches whether it should stop.
func (r *training) waitForFirst(ctx context.Context) error {
	for {
		bits, err := r.world.Vote(stopBit(ctx))
		if err != nil || bits&doneBit != 0 {
			return err
		}
	}
}

// decide makes all processes go on alike after a validation.
func (r *training) decide(m measured) (measured, error) {
	type found struct { // of measured
		Loss, Score float64
		Stopped     bool
		NotFinite   string
	}
	var mine bytes.Buffer
	if err := gob.NewEncoder(&mine).Encode(found{m.Loss, m.score, m.stopped, m.notFinite}); err != nil {
		return m, errors.WithStack(err)
	}
	all, err := r.world.Gather(mine.Bytes())
	if err != nil {
		return m, err
	}
	m.stopped, m.notFinite = false, ""
	for rank, data := range all {
		var f found
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&f); err != nil {
			return m, errors.WithStack(err)
		}
		if rank == 0 {
			m.Loss, m.score = f.Loss, f.Score
		}
		m.stopped, m.notFinite = m.stopped || f.Stopped, cmp.Or(m.notFinite, f.NotFinite)
	}
	return m, nil
}

// measureHere is what this process does of a validation.
func (r *training) measureHere(ctx context.Context) (m measured, err error) {
	m.Metrics, err = r.task.Validate(ctx)
	number := (*decode.NotFiniteError)(nil)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		m.stopped = true
	case errors.As(err, &number):
		m.notFinite = number.Error()
	case errors.Is(err, parallel.ErrElsewhere): // where one of these happened
	case err != nil:
		return m, err
	case finite(m.Loss):
		m.score = m.Metrics.score(r.config.Training.Best)
	}
	return m, nil
}

// Bits of a vote during a validation.
const (
	wantsStop = 1 << iota // someone wants to stop
	doneBit               // the validation is over
)

func stopBit(ctx context.Context) uint32 {
	if ctx.Err() != nil {
		return wantsStop
	}
	return 0
}

// askingContext is done when that of one of the processes is. Its Err asks all of them.
type askingContext struct {
	context.Context
	world parallel.Communicator
	mutex sync.Mutex
	err   error
}

// Err implements context.Context.
func (c *askingContext) Err() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		return c.err
	}
	bits, err := c.world.Vote(stopBit(c.Context))
	switch {
	case err != nil:
		c.err = err
	case bits&wantsStop != 0:
		c.err = context.Canceled
	}
	return c.err
}
