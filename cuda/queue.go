package cuda

import (
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// A queue is what all programs of a device put their work into: one stream, and one handle for products with
// its workspace. A GPU does one program's work after another's anyway, and a workspace alone is tens of
// megabytes.
//
// Programs take turns: who holds the lock puts work in, or waits for it, and nobody else does. So no work of
// one program gets into what another one captures, and every captured product finds the workspace that it was
// captured with.
//
// A program whose pieces can run side by side has two lanes while it is captured: the second has a stream, a
// handle and a workspace of its own, for products in two streams must not share a workspace.
type queue struct {
	sync.Mutex
	lane                  // the first: what is not captured goes here
	second lane           // empty until a program needs it
	events []driver.Event // at which lanes wait for each other
}

// lane is a stream with what products on it need.
type lane struct {
	stream driver.Stream // nil until a program needs it
	blas   driver.BLAS   // nil until a program has a product
	open   bool          // the kernel that is put in next may begin before the one before has ended
}

// ready makes what the queue lacks: for products, and for two lanes that wait for each other at a number of
// events. The caller has the turn.
func (q *queue) ready(gpu driver.GPU, multiplies bool, events int) error {
	if err := q.lane.ready(gpu, multiplies); err != nil || events == 0 {
		return err
	}
	for len(q.events) < events {
		e, err := gpu.NewEvent()
		if err != nil {
			return err
		}
		q.events = append(q.events, e)
	}
	return q.second.ready(gpu, multiplies)
}

func (l *lane) ready(gpu driver.GPU, multiplies bool) (err error) {
	if l.stream == nil {
		if l.stream, err = gpu.NewStream(); err != nil {
			l.stream = nil
			return err
		}
	}
	if multiplies && l.blas == nil {
		if l.blas, err = gpu.NewBLAS(l.stream); err != nil {
			l.blas = nil
		}
	}
	return err
}

// close gives everything back.
func (q *queue) close() (first error) {
	q.Lock()
	defer q.Unlock()
	for _, e := range q.events {
		if err := e.Close(); first == nil {
			first = err
		}
	}
	for _, l := range []*lane{&q.second, &q.lane} {
		if err := l.close(); first == nil {
			first = err
		}
	}
	q.events = nil
	return errors.WithMessage(first, "closing the stream")
}

func (l *lane) close() (first error) {
	if l.blas != nil {
		first = l.blas.Close()
	}
	if l.stream != nil {
		if err := l.stream.Close(); first == nil {
			first = err
		}
	}
	*l = lane{}
	return first
}
