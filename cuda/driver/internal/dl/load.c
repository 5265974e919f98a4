//go:build gpu && linux && cgo

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static void *handles[DL_LIBRARIES];
static const char *missing = "";

char *dl_open(int library, const char *path) {
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *reason = dlerror();
		return strdup(reason ? reason : "dlopen failed");
	}
	__atomic_store_n(&handles[library], handle, __ATOMIC_RELEASE);
	return NULL;
}

void *dl_find(int library, const char *name, void **slot) {
	void *f = __atomic_load_n(slot, __ATOMIC_RELAXED);
	if (f) return f;
	void *handle = __atomic_load_n(&handles[library], __ATOMIC_ACQUIRE);
	f = handle ? dlsym(handle, name) : NULL;
	if (f)
		__atomic_store_n(slot, f, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&missing, name, __ATOMIC_RELAXED);
	return f;
}

const char *dl_missing(void) { return __atomic_load_n(&missing, __ATOMIC_RELAXED); }
