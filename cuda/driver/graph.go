//go:build gpu && linux && cgo

package driver

/*
#include <cuda.h>

// Capture, instantiation and launch of graphs are not in gorgonia.org/cu.

static CUresult beginCapture(CUcontext context, CUstream stream) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED);
}

// endCapture leaves no graph behind: *exec is its executable form, NULL if the capture failed.
static CUresult endCapture(CUcontext context, CUstream stream, CUgraphExec *exec, const char **op) {
	CUgraph graph = NULL;
	*op = "cuCtxSetCurrent";
	CUresult r = cuCtxSetCurrent(context);
	if (r) return r;
	*op = "cuStreamEndCapture";
	r = cuStreamEndCapture(stream, &graph);
	if (r || !graph) return r ? r : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	*op = "cuGraphInstantiateWithFlags";
	r = cuGraphInstantiateWithFlags(exec, graph, 0);
	CUresult d = cuGraphDestroy(graph);
	if (r || !d) return r;
	*op = "cuGraphDestroy";
	return d;
}

static CUresult launchGraph(CUcontext context, CUgraphExec exec, CUstream stream) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuGraphLaunch(exec, stream);
}

static CUresult destroyGraph(CUcontext context, CUgraphExec exec) {
	CUresult r = cuCtxSetCurrent(context);
	return r ? r : cuGraphExecDestroy(exec);
}
*/
import "C"

type graph struct {
	gpu  *device
	exec C.CUgraphExec
}

// Capture uses the relaxed mode, the only one that lets a capture begin and end on different threads, as a
// goroutine may. What f does with other streams, and allocations, go on as ever; f must neither make nor close
// a BLAS.
func (s *stream) Capture(f func() error) (g Graph, err error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	handles.RLock()
	defer handles.RUnlock()
	if err := s.gpu.failure("cuStreamBeginCapture", C.beginCapture(s.gpu.ctx(), s.handle)); err != nil {
		return nil, err
	}
	s.captures = true
	fails := true // f, if it panics
	defer func() {
		s.captures = false
		exec, captured := s.endCapture()
		if !fails && captured == nil {
			g = &graph{s.gpu, exec}
			return
		}
		if err == nil {
			err = captured
		}
		if captured == nil {
			C.destroyGraph(s.gpu.ctx(), exec)
		}
	}()
	err = f()
	fails = err != nil
	return nil, err
}

func (s *stream) endCapture() (exec C.CUgraphExec, err error) {
	var op *C.char
	r := C.endCapture(s.gpu.ctx(), s.handle, &exec, &op)
	return exec, s.gpu.failure(C.GoString(op), r)
}

func (g *graph) Launch(to Stream) error {
	s := to.(*stream)
	if err := s.usable(); err != nil {
		return err
	}
	return s.gpu.failure("cuGraphLaunch", C.launchGraph(g.gpu.ctx(), g.exec, s.handle))
}

func (g *graph) Close() error {
	return g.gpu.failure("cuGraphExecDestroy", C.destroyGraph(g.gpu.ctx(), g.exec))
}
