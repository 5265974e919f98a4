// The fake driver's streams, events and graphs. Streams do their work at once.
#include <string.h>

#include "fake.h"

struct CUgraph_st {
	struct node { int (*run)(const void *); void *data; } *nodes;
	int n;
	CUstream joined; // that waited for an event of the capture, at most one; NULL: none
};
struct CUgraphExec_st { struct CUgraph_st graph; };
struct CUstream_st { unsigned int flags; CUgraph capture; int n, left; }; // work so far; how much of it nobody has waited for
struct CUevent_st { double at; CUstream stream; int n; };              // of a capture: its stream, and that one's work then

static double clock_ms; // every recorded event is half a millisecond after the last

int fake_put(CUstream stream, int (*run)(const void *), const void *data, size_t size) {
	if (!stream->capture) return run(data);
	CUgraph graph = stream->capture;
	stream->n++, stream->left++;
	struct node *nodes = realloc(graph->nodes, (graph->n + 1) * sizeof *nodes);
	if (!nodes) return CUDA_ERROR_OUT_OF_MEMORY;
	graph->nodes = nodes;
	void *kept = malloc(size);
	if (!kept) return CUDA_ERROR_OUT_OF_MEMORY;
	nodes[graph->n++] = (struct node){run, memcpy(kept, data, size)};
	return CUDA_SUCCESS;
}

int fake_capturing(CUstream stream) { return stream->capture != NULL; }

static void drop_nodes(CUgraph graph) {
	for (int i = 0; i < graph->n; i++) free(graph->nodes[i].data);
	free(graph->nodes);
}

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
	CALL_IN("%u", flags);
	*stream = calloc(1, sizeof **stream);
	(*stream)->flags = flags;
	fake_alive(1);
	return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
	CALL_IN("");
	free(stream);
	fake_alive(-1);
	return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
	CALL_IN("");
	return stream->capture ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult cuStreamQuery(CUstream stream) {
	CALL_IN("");
	return stream->capture ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags) {
	CALL_IN("at=%g, %u", event->at, flags);
	CUgraph capture = event->stream ? event->stream->capture : NULL;
	if (!capture) return stream->capture ? CUDA_ERROR_STREAM_CAPTURE_ISOLATION : CUDA_SUCCESS;
	if (!stream->capture) {
		stream->capture = capture;
		capture->joined = stream;
		stream->n = stream->left = 0;
	}
	CUstream other = event->stream;
	if (other->n - event->n < other->left) other->left = other->n - event->n;
	return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *event, unsigned int flags) {
	CALL_IN("%u", flags);
	*event = calloc(1, sizeof **event);
	fake_alive(1);
	return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event) {
	CALL_IN("");
	free(event);
	fake_alive(-1);
	return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
	CALL_IN("flags=%u", stream->flags);
	event->at = clock_ms += 0.5;
	event->stream = stream->capture ? stream : NULL;
	event->n = stream->n;
	return CUDA_SUCCESS;
}

CUresult cuEventSynchronize(CUevent event) {
	CALL_IN("at=%g", event->at);
	return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
	CALL_IN("");
	if (!start->at || !end->at) return CUDA_ERROR_INVALID_HANDLE;
	*milliseconds = (float)(end->at - start->at);
	return CUDA_SUCCESS;
}

struct copying { CUdeviceptr to, from; size_t bytes; int checkTo, checkFrom; };

static int copy(const void *data) {
	const struct copying *c = data;
	if ((c->checkTo && !fake_holds(c->to, c->bytes)) || (c->checkFrom && !fake_holds(c->from, c->bytes)))
		return fake_lose(CUDA_ERROR_ILLEGAL_ADDRESS);
	memmove((void *)c->to, (const void *)c->from, c->bytes);
	return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
	CALL_IN("%zu", bytes);
	struct copying c = {to, (CUdeviceptr)from, bytes, 1, 0};
	return fake_put(stream, copy, &c, sizeof c);
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
	CALL_IN("%zu", bytes);
	struct copying c = {(CUdeviceptr)to, from, bytes, 0, 1};
	return fake_put(stream, copy, &c, sizeof c);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
	CALL_IN("%zu", bytes);
	struct copying c = {to, from, bytes, 1, 1};
	return fake_put(stream, copy, &c, sizeof c);
}

struct filling { CUdeviceptr to; unsigned char value; size_t n; };

static int fill(const void *data) {
	const struct filling *f = data;
	if (!fake_holds(f->to, f->n)) return fake_lose(CUDA_ERROR_ILLEGAL_ADDRESS);
	memset((void *)f->to, f->value, f->n);
	return CUDA_SUCCESS;
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream stream) {
	CALL_IN("%u, %zu", value, n);
	struct filling f = {to, value, n};
	return fake_put(stream, fill, &f, sizeof f);
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
	CALL_IN("%d", mode);
	if (stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
	stream->capture = calloc(1, sizeof *stream->capture);
	fake_alive(1);
	return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
	CALL_IN("");
	if (!stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
	*graph = stream->capture;
	stream->capture = NULL;
	CUstream joined = (*graph)->joined;
	if (!joined) return CUDA_SUCCESS;
	joined->capture = NULL;
	if (!joined->left) return CUDA_SUCCESS;
	drop_nodes(*graph);
	free(*graph);
	fake_alive(-1);
	*graph = NULL;
	return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
	CALL_IN("nodes=%d, %llu", graph->n, flags);
	*exec = malloc(sizeof **exec);
	(*exec)->graph = *graph;
	*graph = (struct CUgraph_st){0}; // its nodes are the new one's: nobody makes two of a graph
	fake_alive(1);
	return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
	CALL_IN("");
	drop_nodes(graph);
	free(graph);
	fake_alive(-1);
	return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
	CALL_IN("nodes=%d", exec->graph.n);
	for (int i = 0; i < exec->graph.n; i++) {
		int e = exec->graph.nodes[i].run(exec->graph.nodes[i].data);
		if (e) return e;
	}
	return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
	CALL_IN("");
	drop_nodes(&exec->graph);
	free(exec);
	fake_alive(-1);
	return CUDA_SUCCESS;
}
