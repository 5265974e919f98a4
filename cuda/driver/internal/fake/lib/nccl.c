// The fake NCCL: sums through memory that processes share, in the order of ranks. A sum waits on the host, as the fake driver's streams
// do their work at once.
//
// The environment can make it an old one (FAKE_NCCL=21304), one whose N-th sum fails on a rank (FAKE_NCCL_FAIL=RANK,N), one whose N-th
// sum never comes, which is known a moment later (FAKE_NCCL_LOSE=N).
#include <fcntl.h>
#include <nccl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake.h"

enum { RANKS = 8, CHUNK = 1 << 14 };

struct world {
	int arrived, turn; // of the present meeting, and how many there were
	int size, broken;
	int devices[RANKS];
	float chunks[RANKS][CHUNK];
};

struct ncclComm { struct world *world; int rank, sums, aborted; };

static char last[200];

static ncclResult_t wrong(ncclResult_t result, const char *what) {
	snprintf(last, sizeof last, "\n%s\n", what); // as NCCL does, which ends it with a line
	return result;
}

#define CALL_NCCL(...)                                     \
	do {                                               \
		int e = fake_enter(__func__, __VA_ARGS__); \
		if (e) return wrong(e < 100 ? e : ncclUnhandledCudaError, "on purpose"); \
	} while (0)

ncclResult_t ncclGetVersion(int *version) {
	const char *other = getenv("FAKE_NCCL");
	*version = other ? atoi(other) : 22703;
	CALL_NCCL("");
	return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result) {
	static const char *texts[] = {"no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument",
		"invalid usage", "remote process exited or there was a network error", "NCCL operation in progress"};
	return (int)result < 8 ? texts[result] : "unknown result code";
}

const char *ncclGetLastError(ncclComm_t comm) { return last; }

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
	CALL_NCCL("");
	memset(id, 'x', sizeof *id); // all of it must reach the others
	int n = snprintf(id->internal, sizeof *id, "%s/fake-nccl-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	int file = mkstemp(id->internal);
	id->internal[n] = 0;
	if (file < 0 || ftruncate(file, sizeof(struct world))) return wrong(ncclSystemError, "no file for what ranks share");
	close(file);
	return ncclSuccess;
}

// meet waits until all ranks are here. It fails when one of them is no longer there.
static int meet(ncclComm_t comm) {
	struct world *w = comm->world;
	int turn = __atomic_load_n(&w->turn, __ATOMIC_ACQUIRE);
	if (__atomic_add_fetch(&w->arrived, 1, __ATOMIC_ACQ_REL) == w->size) {
		w->arrived = 0;
		__atomic_add_fetch(&w->turn, 1, __ATOMIC_ACQ_REL);
		return 0;
	}
	while (__atomic_load_n(&w->turn, __ATOMIC_ACQUIRE) == turn) {
		if (__atomic_load_n(&comm->aborted, __ATOMIC_ACQUIRE)) return 1;
		usleep(20);
	}
	return 0;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank) {
	CALL_NCCL("%d, %d", size, rank);
	if (fake_current()) return wrong(ncclUnhandledCudaError, "no context is current");
	if (size > RANKS || rank < 0 || rank >= size) return wrong(ncclInvalidArgument, "invalid rank");
	if (id.internal[sizeof id - 1] != 'x') return wrong(ncclInvalidArgument, "the id has not come whole");
	int file = open(id.internal, O_RDWR);
	if (file < 0) return wrong(ncclSystemError, "no such id");
	struct world *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (w == MAP_FAILED) return wrong(ncclSystemError, "mmap");
	*comm = calloc(1, sizeof **comm);
	**comm = (struct ncclComm){w, rank};
	w->size = size;
	w->devices[rank] = fake_device();
	meet(*comm);
	if (rank == 0) unlink(id.internal);
	for (int i = 0; i < size; i++)
		for (int j = 0; j < i; j++)
			if (w->devices[i] == w->devices[j]) return wrong(ncclInvalidUsage, "two ranks use the same GPU");
	fake_alive(1);
	return ncclSuccess;
}

static ncclResult_t leave(ncclComm_t comm) {
	munmap(comm->world, sizeof *comm->world);
	free(comm);
	fake_alive(-1);
	return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
	CALL_NCCL("%d", comm->rank);
	return leave(comm);
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
	CALL_NCCL("%d", comm->rank);
	return leave(comm);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error) {
	CALL_NCCL("%d", comm->rank);
	*error = comm->world->broken ? wrong(ncclRemoteError, "socket closed by a remote peer") : ncclSuccess;
	return ncclSuccess;
}

// fails says whether a variable names this sum: RANK,N or N alone.
static int fails(const char *variable, ncclComm_t comm) {
	const char *value = getenv(variable);
	int rank = comm->rank, n = 0;
	return value && (strchr(value, ',') ? sscanf(value, "%d,%d", &rank, &n) : sscanf(value, "%d", &n)) && rank == comm->rank && n == comm->sums;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
	CALL_NCCL("%d of %d, %s, %zu, %d, %d, capturing=%d", comm->rank, comm->world->size, from == to ? "in place" : "apart", count, type, op,
		fake_capturing(stream));
	comm->sums++;
	if (fake_current()) return wrong(ncclUnhandledCudaError, "no context is current");
	if (type != ncclFloat32 || op != ncclSum) return wrong(ncclInvalidArgument, "only sums of float32");
	if (!fake_holds((CUdeviceptr)from, 4 * count) || !fake_holds((CUdeviceptr)to, 4 * count))
		return wrong(ncclInvalidArgument, "no device memory");
	if (fake_capturing(stream)) return wrong(ncclInvalidUsage, "captured on this rank, and who knows on others");
	if (fails("FAKE_NCCL_FAIL", comm)) return wrong(ncclSystemError, "call to ibv_create_qp failed");
	if (fails("FAKE_NCCL_LOSE", comm)) {
		comm->world->broken = 1;
		while (!__atomic_load_n(&comm->aborted, __ATOMIC_ACQUIRE)) usleep(1000);
	}
	struct world *w = comm->world;
	for (size_t at = 0; at < count; at += CHUNK) {
		size_t n = count - at < CHUNK ? count - at : CHUNK;
		memcpy(w->chunks[comm->rank], (const float *)from + at, 4 * n);
		if (meet(comm)) return wrong(ncclRemoteError, "aborted");
		for (size_t i = 0; i < n; i++) {
			float sum = w->chunks[0][i];
			for (int r = 1; r < w->size; r++) sum += w->chunks[r][i];
			((float *)to)[at + i] = sum;
		}
		if (meet(comm)) return wrong(ncclRemoteError, "aborted");
	}
	return ncclSuccess;
}
