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
type queue struct {
	sync.Mutex
	stream driver.Stream // nil until a program needs it
	blas   driver.BLAS   // nil until a program has a product
}

// ready makes what the queue lacks. The caller has the turn.
func (q *queue) ready(gpu driver.GPU, multiplies bool) (err error) {
	if q.stream == nil {
		if q.stream, err = gpu.NewStream(); err != nil {
			q.stream = nil
			return err
		}
	}
	if multiplies && q.blas == nil {
		if q.blas, err = gpu.NewBLAS(q.stream); err != nil {
			q.blas = nil
		}
	}
	return err
}

// close gives everything back.
func (q *queue) close() error {
	q.Lock()
	defer q.Unlock()
	var first error
	if q.blas != nil {
		first = q.blas.Close()
	}
	if q.stream != nil {
		if err := q.stream.Close(); first == nil {
			first = err
		}
	}
	q.stream, q.blas = nil, nil
	return errors.WithMessage(first, "closing the stream")
}
