# unroll builds with go build alone. This file is for the build that reaches NVIDIA GPUs: it needs Go, gcc and linux, and nothing of CUDA.
#
#	make gpu        build bin/unroll; it starts on every machine, and uses a GPU where there is a driver
#	make gpu-check  build it, and check that it needs libc alone, one of 2021 or later (glibc 2.34)
#	make gpu-test   vet all of it with the tag, and run the tests that the tag changes: the driver's against a fake driver, the command's
#	                without a GPU; with UNROLL_TEST_GPU=1, the driver's and the device's on the GPU itself
#	make gpu-bench  build all that bench/gpu.sh runs on a machine with a GPU
#	make gpu-dry    run the commands of bench/gpu/README.md against a fake driver, and check what they leave
#	make gpu-env    print the environment for go commands with -tags gpu:  eval "$(make -s gpu-env)"

# An archive without members: gorgonia.org/cu asks the linker for -lcuda, and cuda/driver/internal/dl holds what it would define.
STUB := bin/lib/libcuda.a

ENV := CGO_ENABLED=1 CGO_CFLAGS='-O2 -I$(CURDIR)/cuda/driver/internal/include' CGO_LDFLAGS='-L$(CURDIR)/bin/lib'

.PHONY: gpu gpu-check gpu-test gpu-bench gpu-dry gpu-env

# The same sources give the same bytes, wherever they lie: no path is left in the binary, and neither is what is made of the compiler's flags,
# the tables for debuggers and the build id.
gpu: $(STUB)
	$(ENV) go build -tags gpu -trimpath -ldflags '-s -w -buildid=' -o bin/unroll ./cmd/unroll

gpu-check: gpu
	test "$$(readelf -d bin/unroll | grep NEEDED | grep -o '\[.*\]')" = '[libc.so.6]'
	test "$$( (echo GLIBC_2.34; readelf -V bin/unroll | grep -o 'GLIBC_[0-9.]*') | sort -V | tail -n 1)" = GLIBC_2.34

gpu-test: $(STUB)
	$(ENV) go vet -tags gpu ./...
	$(ENV) go test -tags gpu -short ./cuda/driver/... ./trainer/device
	$(ENV) go test -tags gpu -short -run GPU ./cuda
	$(ENV) go test -tags gpu -short -run 'Device|Doctor|Bench' ./cmd/unroll

gpu-bench: gpu
	$(ENV) go test -c -tags gpu -trimpath -ldflags '-s -w' -o bin/driver.test ./cuda/driver
	$(ENV) go test -c -tags gpu -trimpath -ldflags '-s -w' -o bin/cuda.test ./cuda

gpu-dry: gpu-bench
	$(ENV) go run -tags gpu ./cuda/driver/internal/fake/build bin/fake
	bench/gpu/dry.sh bin bin/fake

gpu-env: $(STUB)
	@echo "export $(ENV)"

$(STUB):
	@mkdir -p $(@D)
	printf '!<arch>\n' > $@
