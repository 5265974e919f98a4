//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>
*/
import "C"

import "gorgonia.org/cu"

type event struct {
	gpu    *device
	cu     cu.Event
	handle C.CUevent // within cu
}

func (d *device) NewEvent() (Event, error) {
	e := &event{gpu: d}
	err := d.do("cuEventCreate", func() (err error) {
		e.cu, err = cu.MakeEvent(cu.DefaultEvent)
		return err
	})
	if err != nil {
		return nil, err
	}
	e.handle = raw[C.CUevent](e.cu)
	return e, nil
}

func (e *event) Sync() error {
	return e.gpu.do("cuEventSynchronize", e.cu.Synchronize)
}

func (e *event) Since(earlier Event) (seconds float64, err error) {
	err = e.gpu.do("cuEventElapsedTime", func() error {
		milliseconds, err := earlier.(*event).cu.Elapsed(e.cu)
		seconds = milliseconds / 1000
		return err
	})
	return seconds, err
}

func (e *event) Close() error {
	return e.gpu.do("cuEventDestroy", func() error { return cu.DestroyEvent(&e.cu) })
}
