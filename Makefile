# unroll builds with go build alone. This file is for the build that reaches NVIDIA GPUs: it needs Go, gcc and linux, and nothing of CUDA.
#
#	make gpu        build bin/unroll; it starts on every machine, and uses a GPU where there is a driver, and MPI and NCCL where they are
#	make gpu-check  build it, and check that it needs libc alone, one of 2021 or later (glibc 2.34)
#	make gpu-test   vet what the tags change, and run its tests: the driver's against a fake driver, the command's
#	                without a GPU; with UNROLL_TEST_GPU=1, the driver's and the device's on the GPU itself
#	make gpu-bench  build all that bench/gpu.sh runs on a machine with a GPU
#	make gpu-dry    run the commands of bench/gpu/README.md against a fake driver, and check what they leave; and two processes on two fake GPUs
#	make nccl-check NCCL=DIR    compare our declarations of NCCL with DIR/include/nccl.h, and look for what is called in DIR/lib/libnccl.so.2
#	make gpu-env    print the environment for go commands with -tags gpu:  eval "$(make -s gpu-env)"

# An archive without members: gorgonia.org/cu asks the linker for -lcuda, and cuda/driver/internal/dl holds what it would define.
STUB := bin/lib/libcuda.a

TAGS := gpu,mpi

ENV := CGO_ENABLED=1 CGO_CFLAGS='-O2 -I$(CURDIR)/cuda/driver/internal/include' CGO_LDFLAGS='-L$(CURDIR)/bin/lib'

.PHONY: gpu gpu-check gpu-test gpu-bench gpu-dry gpu-env nccl-check

# The same sources give the same bytes, wherever they lie: no path is left in the binary, and neither is what is made of the compiler's flags,
# the tables for debuggers and the build id.
gpu: $(STUB)
	$(ENV) go build -tags $(TAGS) -trimpath -ldflags '-s -w -buildid=' -o bin/unroll ./cmd/unroll

gpu-check: gpu
	test "$$(readelf -d bin/unroll | grep NEEDED | grep -o '\[.*\]')" = '[libc.so.6]'
	test "$$( (echo GLIBC_2.34; readelf -V bin/unroll | grep -o 'GLIBC_[0-9.]*') | sort -V | tail -n 1)" = GLIBC_2.34

gpu-test: $(STUB)
	$(ENV) go vet -tags $(TAGS) ./cuda/... ./trainer/device ./trainer/parallel ./cmd/unroll
	$(ENV) go test -tags $(TAGS) -short ./cuda/driver/... ./trainer/device
	$(ENV) go test -tags $(TAGS) -short -run GPU ./cuda
	$(ENV) go test -tags $(TAGS) -short -run 'Device|Doctor|Bench' ./cmd/unroll

gpu-bench: gpu
	$(ENV) go test -c -tags $(TAGS) -trimpath -ldflags '-s -w' -o bin/driver.test ./cuda/driver
	$(ENV) go test -c -tags $(TAGS) -trimpath -ldflags '-s -w' -o bin/cuda.test ./cuda

gpu-dry: gpu-bench
	$(ENV) go run -tags $(TAGS) ./cuda/driver/internal/fake/build bin/fake
	bench/gpu/dry.sh bin bin/fake
	bench/gpu/ranks.sh bin bin/fake

nccl-check:
	NCCL_HOME=$(NCCL) go test -count 1 -v -run TestNCCL ./cuda/driver

gpu-env: $(STUB)
	@echo "export $(ENV)"

$(STUB):
	@mkdir -p $(@D)
	printf '!<arch>\n' > $@
