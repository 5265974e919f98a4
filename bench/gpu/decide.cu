// What the design of unroll's CUDA device hangs on, measured in a minute: what a node of a graph costs, what a product costs, and what it
// would cost to keep a whole loop in one kernel.
//
//	nvcc -O3 -arch=sm_90 decide.cu -o decide -ldl && UNROLL_LIBCUBLAS=/path/to/libcublas.so.13 ./decide
//
// Every line is the time of one node, or of one barrier, in microseconds: the median over replays of a captured graph. "nodes" are those of
// the graph: more than one for each product mean that cuBLAS splits it.
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#define OK(call)                                                                                       \
	do {                                                                                               \
		cudaError_t err = (call);                                                                      \
		if (err) {                                                                                     \
			printf("decide.cu:%d: %s: %s\n", __LINE__, #call, cudaGetErrorString(err));                \
			exit(1);                                                                                   \
		}                                                                                              \
	} while (0)

__global__ void empty() {}

// cell is like the elementwise kernel of an LSTM step: every thread reads 4 times 16 bytes, computes a chain of multiply-adds, writes 16 bytes.
__global__ void cell(const float4 *z, float4 *h, int n, int work) {
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.wait;" ::: "memory");
	asm volatile("griddepcontrol.launch_dependents;");
#endif
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n) return;
	float4 a = z[i], b = z[i + n], c = z[i + 2 * n], d = z[i + 3 * n];
	float x = a.x + b.y + c.z + d.w;
	for (int k = 0; k < work; k++) x = fmaf(x, 0.999f, 0.001f);
	h[i] = make_float4(x, x, x, x);
}

// readers is a kernel of which every block reads all of the n elements at z: a state that all blocks of the next step need.
__global__ void readers(const float4 *z, float4 *h, int n) {
	float4 s = {0, 0, 0, 0};
	for (int i = threadIdx.x; i < n; i += blockDim.x) {
		float4 x = __ldcg(z + i);
		s.x += x.x, s.y += x.y, s.z += x.z, s.w += x.w;
	}
	h[blockIdx.x * blockDim.x + threadIdx.x] = s;
}

// gridBarriers does n barriers of the whole grid; between two, every block writes its part of h and then reads `reads` elements of all of it.
__global__ void __launch_bounds__(128, 1) gridBarriers(unsigned *count, float4 *h, int n, int reads) {
	float4 s = {0, 0, 0, 0};
	for (int k = 1; k <= n; k++) {
		if (reads && threadIdx.x < 50) h[blockIdx.x * 50 + threadIdx.x] = s;
		__syncthreads();
		if (threadIdx.x == 0) {
			asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(count) : "memory");
			unsigned seen;
			do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(count) : "memory");
			while (seen < k * gridDim.x);
		}
		__syncthreads();
		for (int i = threadIdx.x; i < reads; i += blockDim.x) {
			float4 x = __ldcg(h + i);
			s.x += x.x, s.y += x.y, s.z += x.z, s.w += x.w;
		}
	}
	if (threadIdx.x == 0 && s.x == 12345) h[0] = s; // so that the compiler keeps the reads
}

__global__ void __cluster_dims__(8, 1, 1) __launch_bounds__(128, 1) clusterBarriers(int n) {
	for (int k = 0; k < n; k++) {
		asm volatile("barrier.cluster.arrive.aligned;" ::: "memory");
		asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
	}
}

static cudaStream_t streams[2];
static cudaEvent_t forked, joined, before, after;

struct Replay {
	double us; // of one replay
	size_t nodes;
};

// replayed captures what put puts into the streams, and times replays of it.
static Replay replayed(const std::function<void()> &put) {
	put(); // once eagerly: the driver and cuBLAS load their kernels
	OK(cudaDeviceSynchronize());
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	Replay r = {};
	OK(cudaStreamBeginCapture(streams[0], cudaStreamCaptureModeRelaxed));
	put();
	OK(cudaStreamEndCapture(streams[0], &graph));
	OK(cudaGraphGetNodes(graph, nullptr, &r.nodes));
	OK(cudaGraphInstantiateWithFlags(&exec, graph, 0));
	std::vector<float> times;
	for (int i = 0; i < 60; i++) {
		OK(cudaEventRecord(before, streams[0]));
		OK(cudaGraphLaunch(exec, streams[0]));
		OK(cudaEventRecord(after, streams[0]));
		OK(cudaEventSynchronize(after));
		float ms;
		OK(cudaEventElapsedTime(&ms, before, after));
		if (i >= 10) times.push_back(ms);
	}
	std::sort(times.begin(), times.end());
	OK(cudaGraphExecDestroy(exec));
	OK(cudaGraphDestroy(graph));
	r.us = 1e3 * times[times.size() / 2];
	return r;
}

// report measures n times what put does, and prints a line.
static void report(int n, const std::function<void()> &put, const char *format, ...) {
	Replay r = replayed(put);
	char what[100];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	printf("%-56s %8.3f us %6zu nodes\n", what, r.us / n, r.nodes);
	fflush(stdout);
}

// sideBySide lets both streams work between a fork and a join.
static void sideBySide(const std::function<void()> &put) {
	OK(cudaEventRecord(forked, streams[0]));
	OK(cudaStreamWaitEvent(streams[1], forked, 0));
	put();
	OK(cudaEventRecord(joined, streams[1]));
	OK(cudaStreamWaitEvent(streams[0], joined, 0));
}

static void launchCell(cudaStream_t stream, const float4 *z, float4 *h, int work, bool programmatic) {
	cudaLaunchConfig_t c = {};
	c.gridDim = dim3(100);
	c.blockDim = dim3(64);
	c.stream = stream;
	cudaLaunchAttribute a = {};
	a.id = cudaLaunchAttributeProgrammaticStreamSerialization;
	a.val.programmaticStreamSerializationAllowed = 1;
	c.attrs = &a;
	c.numAttrs = programmatic ? 1 : 0;
	OK(cudaLaunchKernelEx(&c, cell, z, h, 6400, work));
}

static char *memory; // 256 MiB of zeros

static float4 *at(int mib) { return (float4 *)(memory + ((size_t)mib << 20)); }

static void nodes() {
	report(1000, [] { for (int i = 0; i < 1000; i++) empty<<<1, 32, 0, streams[0]>>>(); }, "empty node, 1 block");
	report(1000, [] { for (int i = 0; i < 1000; i++) empty<<<132, 128, 0, streams[0]>>>(); }, "empty node, 132 blocks");
	for (int work : {0, 250, 1000})
		for (bool programmatic : {false, true})
			report(400, [=] { for (int i = 0; i < 400; i++) launchCell(streams[0], at(i % 2 * 64), at(64 - i % 2 * 64), work, programmatic); },
			       "cell, %d dependent FMAs%s", work, programmatic ? ", programmatic launch" : "");
	report(400, [] { for (int i = 0; i < 400; i++) readers<<<64, 128, 0, streams[0]>>>(at(i % 2 * 64), at(64 - i % 2 * 64), 6400); },
	       "64 blocks, each reads the same 100 KB");
	report(200, [] {
		sideBySide([] {
			for (int i = 0; i < 200; i++)
				for (int k : {0, 1}) launchCell(streams[k], at(k * 8), at(64 + k * 8), 250, false);
		});
	}, "two chains of cells on two streams, a pair");
}

static void barriers(int blocks) {
	unsigned *count = (unsigned *)at(128);
	for (int reads : {0, 3200, 6400})
		report(500, [=] {
			OK(cudaMemsetAsync(count, 0, 4, streams[0]));
			gridBarriers<<<blocks, 128, 0, streams[0]>>>(count, at(64), 500, reads);
		}, "barrier of the grid, then every block reads %d KB", reads * 16 / 1000);
	report(1000, [] { clusterBarriers<<<128, 128, 0, streams[0]>>>(1000); }, "barrier of a cluster of 8 blocks");
}

// What is needed of cuBLAS, found at run time.
struct BLAS {
	int (*create)(void **);
	int (*setStream)(void *, cudaStream_t);
	int (*setWorkspace)(void *, void *, size_t);
	int (*gemm)(void *, int, int, int, int, int, const void *, const void *, int, int, const void *, int, int, const void *, void *, int, int, int, int);
	void *handles[2];
};

static bool load(BLAS &b) {
	const char *path = getenv("UNROLL_LIBCUBLAS");
	void *lib = dlopen(path ? path : "libcublas.so.13", RTLD_NOW);
	if (!lib) {
		printf("no products: %s\n", dlerror());
		return false;
	}
	b.create = (decltype(b.create))dlsym(lib, "cublasCreate_v2");
	b.setStream = (decltype(b.setStream))dlsym(lib, "cublasSetStream_v2");
	b.setWorkspace = (decltype(b.setWorkspace))dlsym(lib, "cublasSetWorkspace_v2");
	b.gemm = (decltype(b.gemm))dlsym(lib, "cublasGemmEx");
	for (int k : {0, 1})
		if (b.create(&b.handles[k]) || b.setStream(b.handles[k], streams[k]) || b.setWorkspace(b.handles[k], at(132 + k * 40), 32 << 20)) {
			printf("cuBLAS does not start\n");
			exit(1);
		}
	return true;
}

// Element and compute types of cublasGemmEx.
static const struct Arithmetic {
	const char *name;
	int in, compute;
} arithmetics[] = {{"fp32", 0, 68}, {"TF32", 0, 77}, {"bf16", 14, 68}};

// product computes the row-major C[m,n] = A[m,k]·B[k,n], or ·B[n,k] transposed, on a stream, with operands at a place of their own.
static void product(const BLAS &b, int stream, int m, int n, int k, bool transposed, const Arithmetic &a) {
	float one = 1, zero = 0;
	int place = stream * 32;
	int code = b.gemm(b.handles[stream], transposed, 0, n, m, k, &one, at(place), a.in, transposed ? k : n, at(place + 16), a.in, k, &zero, at(place + 24), 0, n, a.compute, -1);
	if (code) {
		printf("cublasGemmEx: %d\n", code);
		exit(1);
	}
}

static void products(const BLAS &b) {
	static const struct { int m, k, n; bool transposed; } shapes[] = {
		{50, 512, 2048, true}, {50, 2048, 512, false}, {128, 512, 1536, true}, {128, 1536, 512, false}, {3072, 512, 1, true}, {2500, 512, 2048, true},
	};
	for (auto &s : shapes)
		for (auto &a : arithmetics)
			report(100, [&] { for (int i = 0; i < 100; i++) product(b, 0, s.m, s.n, s.k, s.transposed, a); },
			       "product %dx%dx%d%s, %s", s.m, s.k, s.n, s.transposed ? " transposed" : "", a.name);
	for (auto &a : {arithmetics[1], arithmetics[2]}) {
		auto step = [&](int stream) {
			product(b, stream, 50, 2048, 512, true, a);
			launchCell(streams[stream], at(stream * 32), at(stream * 32 + 28), 250, false);
		};
		report(100, [&] { for (int i = 0; i < 100; i++) step(0); }, "product and cell, %s", a.name);
		report(100, [&] { sideBySide([&] { for (int i = 0; i < 100; i++) step(0), step(1); }); }, "two of these chains on two streams, a pair, %s", a.name);
	}
}

int main() {
	cudaDeviceProp p;
	OK(cudaGetDeviceProperties(&p, 0));
	printf("%s, %d multiprocessors\n", p.name, p.multiProcessorCount);
	for (auto &s : streams) OK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
	for (auto e : {&forked, &joined}) OK(cudaEventCreateWithFlags(e, cudaEventDisableTiming));
	for (auto e : {&before, &after}) OK(cudaEventCreate(e));
	OK(cudaMalloc(&memory, 256 << 20));
	OK(cudaMemset(memory, 0, 256 << 20));
	nodes();
	barriers(p.multiProcessorCount);
	BLAS b;
	if (load(b)) products(b);
	OK(cudaDeviceSynchronize());
}
