// The fake driver's memory: device memory is host memory at the same address.
#include <pthread.h>

#include "fake.h"

static const size_t total = 1 << 30;
static size_t used;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of the following

enum { BLOCKS = 4096 };
static struct { CUdeviceptr at; size_t bytes; } blocks[BLOCKS];

int fake_holds(CUdeviceptr address, size_t bytes) {
	int holds = 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS && !holds; i++)
		holds = blocks[i].at && address >= blocks[i].at && address + bytes <= blocks[i].at + blocks[i].bytes;
	pthread_mutex_unlock(&lock);
	return holds;
}

void fake_release(void) {
	for (int i = 0; i < BLOCKS; i++) {
		if (blocks[i].at) free((void *)blocks[i].at);
		blocks[i].at = 0;
	}
	used = 0;
}

CUresult cuMemGetInfo_v2(size_t *unused, size_t *all) {
	CALL_IN("");
	*all = total << fake_device(); // the second device has twice as much
	*unused = *all - used;
	return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
	CALL_IN("%zu", bytes);
	CUresult result = CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&lock);
	for (int i = 0; bytes <= total - used && i < BLOCKS; i++)
		if (!blocks[i].at) {
			blocks[i].at = *address = (CUdeviceptr)aligned_alloc(256, (bytes + 255) / 256 * 256);
			blocks[i].bytes = bytes;
			used += bytes;
			fake_alive(1);
			result = CUDA_SUCCESS;
			break;
		}
	pthread_mutex_unlock(&lock);
	return result;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
	CALL_IN("%#llx", address);
	CUresult result = CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].at && blocks[i].at == address) {
			used -= blocks[i].bytes;
			free((void *)address);
			blocks[i].at = 0;
			fake_alive(-1);
			result = CUDA_SUCCESS;
		}
	pthread_mutex_unlock(&lock);
	return result;
}

CUresult cuMemAllocHost_v2(void **address, size_t bytes) {
	CALL_IN("%zu", bytes);
	*address = malloc(bytes);
	fake_alive(1);
	return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *address) {
	CALL_IN("%p", address);
	free(address);
	fake_alive(-1);
	return CUDA_SUCCESS;
}
