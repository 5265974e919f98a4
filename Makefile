# unroll builds with go build alone. This file is for the build that reaches NVIDIA GPUs: it needs Go, gcc and linux, and nothing of CUDA.
#
#	make gpu        build bin/unroll; it starts on every machine, and uses a GPU where there is a driver
#	make gpu-test   run the tests of the GPU's side, against a fake driver where there is no GPU
#	make gpu-env    print the environment for go commands with -tags gpu:  eval "$(make -s gpu-env)"

# An archive without members: gorgonia.org/cu asks the linker for -lcuda, and cuda/driver/internal/dl holds what it would define.
STUB := bin/lib/libcuda.a

ENV := CGO_ENABLED=1 CGO_CFLAGS='-O2 -I$(CURDIR)/cuda/driver/include' CGO_LDFLAGS='-L$(CURDIR)/bin/lib'

# The same sources give the same bytes, wherever they lie: no path is left in the binary, and neither is what is made of the compiler's flags,
# the tables for debuggers and the build id.
.PHONY: gpu gpu-test gpu-env

gpu: $(STUB)
	$(ENV) go build -tags gpu -trimpath -ldflags '-s -w -buildid=' -o bin/unroll ./cmd/unroll

gpu-test: $(STUB)
	$(ENV) go vet -tags gpu ./cuda/...
	$(ENV) go test -tags gpu ./cuda/...

gpu-env: $(STUB)
	@echo "export $(ENV)"

$(STUB):
	@mkdir -p $(@D)
	printf '!<arch>\n' > $@
