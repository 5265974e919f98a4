// The fake driver's modules and kernels. A module is any text with a .version; its kernels are the names after .entry, with as many
// parameters as there are .param up to the closing parenthesis. Two names do something: increment(floats, n) and fault().
#include <stdio.h>
#include <string.h>

#include "fake.h"

struct CUfunc_st { char name[64]; int params; };
enum { KERNELS = 512 }; // of a module, at most
struct CUmod_st { struct CUfunc_st functions[KERNELS]; int n; };

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int count, CUjit_option *options, void **values) {
	CALL_IN("%u", count);
	const char *ptx = image;
	char *log = NULL;
	size_t room = 0;
	for (unsigned int i = 0; i < count; i++) {
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER) log = values[i];
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) room = (size_t)values[i];
	}
	if (!strstr(ptx, ".version")) {
		if (log) snprintf(log, room, "ptxas application ptx input, line 1; fatal   : Missing .version directive at start of file '%s'\n", ptx);
		return CUDA_ERROR_INVALID_PTX;
	}
	struct CUmod_st *m = *module = calloc(1, sizeof *m);
	fake_alive(1);
	for (const char *p = ptx; (p = strstr(p, ".entry ")) && m->n < KERNELS; m->n++) {
		p += strlen(".entry ");
		const char *end = strchr(p, '(');
		struct CUfunc_st *f = &m->functions[m->n];
		memcpy(f->name, p, end - p);
		const char *close = strchr(end, ')');
		for (const char *q = end; (q = strstr(q, ".param")) && q < close; q++) f->params++;
	}
	return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
	CALL_IN("");
	free(module);
	fake_alive(-1);
	return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
	CALL_IN("%s", name);
	for (int i = 0; i < module->n; i++)
		if (!strcmp(module->functions[i].name, name)) {
			*function = &module->functions[i];
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_NOT_FOUND;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
	CALL_IN("%s, %d", function->name, attribute);
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = 256; break;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 8; break;
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

struct launched { struct CUfunc_st function; uint64_t args[512]; };

static int run(const void *data) {
	const struct launched *l = data;
	if (!strcmp(l->function.name, "fault")) return fake_lose(CUDA_ERROR_ILLEGAL_ADDRESS);
	if (strcmp(l->function.name, "increment")) return CUDA_SUCCESS;
	float *x = (float *)l->args[0];
	for (uint64_t i = 0; i < l->args[1]; i++) x[i] += 1;
	return CUDA_SUCCESS;
}

// taken is a kernel with its arguments, which are written to text, too.
static struct launched taken(CUfunction function, void **params, char *text) {
	struct launched l = {*function, {0}};
	size_t at = 0;
	*text = 0;
	for (int i = 0; i < function->params; i++) {
		l.args[i] = *(uint64_t *)params[i];
		if (at < 400) at += sprintf(text + at, " %#llx", (unsigned long long)l.args[i]);
	}
	return l;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction function, void **params, void **extra) {
	char args[512];
	struct launched l = taken(function, params, args);
	CALL_IN("%s, %u %u %u, %u %u %u, %u,%s, %p; attribute %d of %u: %d", function->name, c->gridDimX, c->gridDimY, c->gridDimZ,
		c->blockDimX, c->blockDimY, c->blockDimZ, c->sharedMemBytes, args, (void *)extra, c->attrs->id, c->numAttrs,
		c->attrs->value.programmaticStreamSerializationAllowed);
	return fake_put(c->hStream, run, &l, sizeof l);
}

CUresult cuLaunchKernel(CUfunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX,
	unsigned int blockY, unsigned int blockZ, unsigned int shared, CUstream stream, void **params, void **extra) {
	char args[512];
	struct launched l = taken(function, params, args);
	CALL_IN("%s, %u %u %u, %u %u %u, %u,%s, %p", function->name, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, args, (void *)extra);
	return fake_put(stream, run, &l, sizeof l);
}
