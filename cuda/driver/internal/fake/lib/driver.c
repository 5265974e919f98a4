// The fake driver's record of calls and its errors; devices and contexts.
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

enum { DEVICES = 2 };

// setting is a number from the environment.
static int setting(const char *name, int otherwise) {
	const char *value = getenv(name);
	return value ? atoi(value) : otherwise;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char calls[1 << 20], told[1 << 20];
static size_t length;

static char failing[64];
static int failure, after;
static int lost;

static long things;

void fake_alive(int change) { __atomic_add_fetch(&things, change, __ATOMIC_RELAXED); }

static int started, retained;
static struct CUctx_st { int device; } contexts[DEVICES];
static __thread CUcontext current;

int fake_enter(const char *name, const char *format, ...) {
	va_list args;
	va_start(args, format);
	pthread_mutex_lock(&lock);
	if (length + 1024 < sizeof calls) {
		length += sprintf(calls + length, "%s(", name);
		length += vsprintf(calls + length, format, args);
		length += sprintf(calls + length, ")\n");
	}
	int e = lost;
	if (!e && failing[0] && !strcmp(name, failing) && after-- == 0) {
		e = failure;
		failing[0] = 0;
	}
	pthread_mutex_unlock(&lock);
	va_end(args);
	return e;
}

int fake_current(void) { return !current || !retained; }

int fake_device(void) { return current->device; }

int fake_lose(int error) { return lost = error; }

const char *fake_calls(void) {
	pthread_mutex_lock(&lock);
	memcpy(told, calls, length);
	told[length] = 0;
	length = 0;
	pthread_mutex_unlock(&lock);
	return told;
}

void fake_fail(const char *name, int code, int n) {
	strcpy(failing, name);
	failure = code;
	after = n;
}

long fake_live(void) { return things; }

CUresult cuInit(unsigned int flags) {
	CALL("%u", flags);
	started = 1;
	return setting("FAKE_INIT", CUDA_SUCCESS);
}

CUresult cuDriverGetVersion(int *version) {
	CALL("");
	*version = setting("FAKE_VERSION", 12040);
	return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
	switch ((int)error) {
	case CUDA_ERROR_ILLEGAL_ADDRESS: *text = "an illegal memory access was encountered"; break;
	case CUDA_ERROR_INVALID_VALUE: *text = "invalid argument"; break;
	case CUDA_ERROR_NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
	case CUDA_ERROR_NOT_FOUND: *text = "named symbol not found"; break;
	default: *text = "some error"; break;
	case 12345: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

#define STARTED() \
	if (!started) return CUDA_ERROR_NOT_INITIALIZED

CUresult cuDeviceGetCount(int *count) {
	CALL("");
	STARTED();
	*count = setting("FAKE_DEVICES", DEVICES);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	CALL("%d", ordinal);
	STARTED();
	*device = ordinal;
	return ordinal < DEVICES ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetName(char *name, int n, CUdevice device) {
	CALL("%d", device);
	snprintf(name, n, "Fake GPU %d", device);
	return CUDA_SUCCESS;
}

// The UUID has the device in its first byte.
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
	CALL("%d", device);
	memset(uuid, 0, sizeof *uuid);
	uuid->bytes[0] = (char)device;
	return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
	CALL("%d", device);
	*bytes = 1 << 30;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
	CALL("%d", attribute);
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = device ? 8 : 9; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = device ? 6 : 0; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 132; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 49152; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *value = 3201000; break;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *value = 6144; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
	CALL("%d", device);
	retained++;
	contexts[device].device = device;
	*context = &contexts[device];
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
	fake_enter(__func__, "%d", device); // even a lost context is given back
	if (--retained == 0) { // the next context is a new one
		lost = 0;
		things = 0;
		fake_release();
	}
	return CUDA_SUCCESS;
}

// Not written down: it comes with every call. With FAKE_SLOW it takes so long that the goroutine may go on upon another thread.
CUresult cuCtxSetCurrent(CUcontext context) {
	current = context;
	if (setting("FAKE_SLOW", 0)) usleep(100);
	return lost;
}
