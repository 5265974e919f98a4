//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>
*/
import "C"

import (
	"bytes"
	"runtime"

	"github.com/pkg/errors"
	"gorgonia.org/cu"
)

type module struct {
	gpu *device
	cu  cu.Module
}

type function struct {
	gpu *device
	cu  cu.Function
}

// logBytes is room for the compiler's complaints; it cuts off what is more.
const logBytes = 16 << 10

func (d *device) Load(ptx string) (Module, error) {
	log := make([]byte, logBytes)
	var pinned runtime.Pinner // gorgonia.org/cu hides the address of the log in an integer
	pinned.Pin(&log[0])
	defer pinned.Unpin()
	m := &module{gpu: d}
	var refused bool
	err := d.do("cuModuleLoadDataEx", func() (err error) {
		m.cu, err = cu.LoadDataEx(ptx, &cu.JITErrorLogBuffer{Buffer: log})
		switch code(err) {
		case C.CUDA_ERROR_INVALID_PTX, C.CUDA_ERROR_UNSUPPORTED_PTX_VERSION, C.CUDA_ERROR_NO_BINARY_FOR_GPU,
			C.CUDA_ERROR_INVALID_IMAGE,
			C.CUDA_ERROR_INVALID_SOURCE, C.CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
			refused = true
		}
		return err
	})
	if refused {
		text, _, _ := bytes.Cut(log, []byte{0})
		if text = bytes.TrimSpace(text); len(text) == 0 {
			text = []byte(errors.Cause(err).Error())
		}
		return nil, &CompileError{Log: string(text)}
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *module) Function(name string) (Function, error) {
	f := &function{gpu: m.gpu}
	err := m.gpu.do("cuModuleGetFunction", func() (err error) {
		f.cu, err = m.cu.Function(name)
		return err
	})
	if err != nil {
		return nil, errors.WithMessagef(err, "kernel %q", name)
	}
	return f, nil
}

func (m *module) Unload() error {
	return m.gpu.do("cuModuleUnload", m.cu.Unload)
}

func (f *function) Resources() (r Resources, err error) {
	err = f.gpu.do("cuFuncGetAttribute", func() (err error) {
		if r.Registers, err = f.cu.Attribute(cu.NumRegs); err != nil {
			return err
		}
		if r.Local, err = f.cu.Attribute(cu.LocalSizeBytes); err != nil {
			return err
		}
		r.Shared, err = f.cu.Attribute(cu.SharedSizeBytes)
		return err
	})
	return r, err
}
