// What the parts of the fake driver share.
#ifndef FAKE_H
#define FAKE_H

#include <cublas_v2.h>

// fake_enter writes down a call, and returns the error that it shall have: one asked for, or that of a lost context.
int fake_enter(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

// fake_current is an error if no context is current on this thread.
int fake_current(void);

// fake_device is the device of the context that is current.
int fake_device(void);

// fake_lose is what a kernel does that goes wrong: every later call returns this error.
int fake_lose(int error);

// fake_holds reports whether bytes of device memory from an address on are there.
int fake_holds(CUdeviceptr address, size_t bytes);

// fake_put gives a stream work, to be run at once, or to be kept with a copy of its data in the graph that the stream is captured into.
int fake_put(CUstream stream, int (*run)(const void *data), const void *data, size_t size);

// fake_capturing says whether a stream is captured.
int fake_capturing(CUstream stream);

// fake_release gives all memory back, as the end of a context does.
void fake_release(void);

// fake_alive counts what the program has: 1 for a thing that it gets, -1 for one that it gives back.
void fake_alive(int change);

// CALL begins every function of the driver, CALL_IN those that need a context.
#define CALL(...)                                           \
	do {                                                \
		int e = fake_enter(__func__, __VA_ARGS__);  \
		if (e) return e;                            \
	} while (0)
#define CALL_IN(...)                               \
	do {                                       \
		CALL(__VA_ARGS__);                 \
		if (fake_current()) return CUDA_ERROR_INVALID_CONTEXT; \
	} while (0)

#endif
