//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>

// Each of these makes the context current and puts one piece of work into a stream, in one call from Go.
// gorgonia.org/cu's own would be two calls each, on a thread that must be held meanwhile.

#define ENTER(context)                                \
	do {                                          \
		CUresult r = cuCtxSetCurrent(context); \
		if (r) return r;                      \
	} while (0)

static CUresult upload(CUcontext context, CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
	ENTER(context);
	return cuMemcpyHtoDAsync(to, from, bytes, stream);
}

static CUresult download(CUcontext context, void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
	ENTER(context);
	return cuMemcpyDtoHAsync(to, from, bytes, stream);
}

static CUresult copy(CUcontext context, CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
	ENTER(context);
	return cuMemcpyDtoDAsync(to, from, bytes, stream);
}

static CUresult clear(CUcontext context, CUdeviceptr to, size_t bytes, CUstream stream) {
	ENTER(context);
	return cuMemsetD8Async(to, 0, bytes, stream);
}

static CUresult record(CUcontext context, CUevent event, CUstream stream) {
	ENTER(context);
	return cuEventRecord(event, stream);
}

static CUresult waitFor(CUcontext context, CUevent event, CUstream stream) {
	ENTER(context);
	return cuStreamWaitEvent(stream, event, 0);
}

static CUresult sync(CUcontext context, CUstream stream) {
	ENTER(context);
	return cuStreamSynchronize(stream);
}
*/
import "C"

import (
	"unsafe"

	"github.com/pkg/errors"
	"gorgonia.org/cu"
)

type stream struct {
	gpu      *device
	cu       cu.Stream
	handle   C.CUstream // within cu
	captures bool
}

// NewStream makes a stream that does not wait for the default stream, which nobody here uses.
func (d *device) NewStream() (Stream, error) {
	s := &stream{gpu: d}
	err := d.do("cuStreamCreate", func() (err error) {
		s.cu, err = cu.MakeStream(cu.NonBlocking)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.handle = raw[C.CUstream](s.cu)
	return s, nil
}

// usable is an error if the GPU is lost.
func (s *stream) usable() error {
	if lost := s.gpu.lost.Load(); lost != nil {
		return lost
	}
	return nil
}

func (s *stream) Upload(to Ptr, from []byte) error {
	if err := s.usable(); err != nil || len(from) == 0 {
		return err
	}
	return s.gpu.failure("cuMemcpyHtoDAsync",
		C.upload(s.gpu.ctx(), C.CUdeviceptr(to), unsafe.Pointer(&from[0]), C.size_t(len(from)), s.handle))
}

func (s *stream) Download(to []byte, from Ptr) error {
	if err := s.usable(); err != nil || len(to) == 0 {
		return err
	}
	return s.gpu.failure("cuMemcpyDtoHAsync",
		C.download(s.gpu.ctx(), unsafe.Pointer(&to[0]), C.CUdeviceptr(from), C.size_t(len(to)), s.handle))
}

func (s *stream) Copy(to, from Ptr, bytes int64) error {
	if err := s.usable(); err != nil || bytes == 0 {
		return err
	}
	if bytes < 0 {
		return errors.Errorf("a copy of %d bytes", bytes)
	}
	return s.gpu.failure("cuMemcpyDtoDAsync",
		C.copy(s.gpu.ctx(), C.CUdeviceptr(to), C.CUdeviceptr(from), C.size_t(bytes), s.handle))
}

func (s *stream) Clear(to Ptr, bytes int64) error {
	if err := s.usable(); err != nil || bytes == 0 {
		return err
	}
	if bytes < 0 {
		return errors.Errorf("a clearing of %d bytes", bytes)
	}
	return s.gpu.failure("cuMemsetD8Async", C.clear(s.gpu.ctx(), C.CUdeviceptr(to), C.size_t(bytes), s.handle))
}

func (s *stream) Record(e Event) error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.gpu.failure("cuEventRecord", C.record(s.gpu.ctx(), e.(*event).handle, s.handle))
}

func (s *stream) Wait(e Event) error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.gpu.failure("cuStreamWaitEvent", C.waitFor(s.gpu.ctx(), e.(*event).handle, s.handle))
}

func (s *stream) Sync() error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.gpu.failure("cuStreamSynchronize", C.sync(s.gpu.ctx(), s.handle))
}

// Close waits for the stream's work and gives it back.
func (s *stream) Close() error {
	err := s.Sync()
	if destroyed := s.gpu.do("cuStreamDestroy", s.cu.Destroy); err == nil {
		err = destroyed
	}
	return err
}
