#ifndef UNROLL_DL_LOAD_H
#define UNROLL_DL_LOAD_H

#pragma GCC visibility push(hidden)

enum { DL_CUDA, DL_CUBLAS, DL_NCCL, DL_LIBRARIES };

// What a trampoline returns whose function is missing: CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, and neither a cublasStatus_t
// nor an ncclResult_t.
enum { DL_NO_SYMBOL = 302 };

// dl_open loads a library. It returns NULL, or the reason why not, to be freed.
char *dl_open(int library, const char *path);

// dl_find is the function of that name in a library, kept in *slot; NULL if there is none.
void *dl_find(int library, const char *name, void **slot);

const char *dl_missing(void);

int dl_cuInit(void);

// DL_JUMP is a function that jumps to that of its name in a library. Without one it returns none.
#define DL_JUMP(library, result, none, name, params, args)        \
	result name params {                                      \
		static void *slot;                                \
		result(*f) params = dl_find(library, #name, &slot); \
		return f ? f args : (result)(none);               \
	}

#pragma GCC visibility pop

#endif
