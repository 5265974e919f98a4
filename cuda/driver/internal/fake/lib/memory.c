// The fake driver's memory: device memory is host memory at the same address.
#include "fake.h"

static size_t total = 1 << 30, used;

void fake_memory(size_t bytes) { total = bytes; }

enum { BLOCKS = 4096 };
static struct { CUdeviceptr at; size_t bytes; } blocks[BLOCKS];

int fake_holds(CUdeviceptr address, size_t bytes) {
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].at && address >= blocks[i].at && address + bytes <= blocks[i].at + blocks[i].bytes) return 1;
	return 0;
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
	*unused = total - used;
	*all = total;
	return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
	CALL_IN("%zu", bytes);
	if (bytes > total - used) return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < BLOCKS; i++)
		if (!blocks[i].at) {
			void *p = aligned_alloc(256, (bytes + 255) / 256 * 256);
			blocks[i].at = *address = (CUdeviceptr)p;
			blocks[i].bytes = bytes;
			used += bytes;
			fake_things++;
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
	CALL_IN("%#llx", address);
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].at && blocks[i].at == address) {
			used -= blocks[i].bytes;
			free((void *)address);
			blocks[i].at = 0;
			fake_things--;
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemAllocHost_v2(void **address, size_t bytes) {
	CALL_IN("%zu", bytes);
	*address = malloc(bytes);
	fake_things++;
	return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *address) {
	CALL_IN("%p", address);
	free(address);
	fake_things--;
	return CUDA_SUCCESS;
}
