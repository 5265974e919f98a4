#!/usr/bin/env bash
# The kernels and the CPU device as an arm64 processor runs them, in QEMU, for machines without one. Needs
# qemu-aarch64 (Debian: qemu-user) and, for the words of the instructions, binutils-aarch64-linux-gnu. It takes long, and
# says nothing of speed.
#
# One thread: QEMU 7.2 on x86-64 does not keep the order of Go's atomic operations, so that with several a correct
# hand-over hangs there.
set -euo pipefail
cd "$(dirname "$0")/.."

emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || { echo "there is no qemu-aarch64" >&2; exit 1; }
export CGO_ENABLED=0 GOMAXPROCS=1
emulated() { GOARCH=arm64 go test -short -timeout 60m -exec "$emulator" "$@"; }

GOARCH=arm64 go vet ./graph/cpu/...
GOARCH= go test ./graph/cpu/internal/kernel/gen/neon
emulated ./graph/cpu/internal/kernel
emulated -run 'TestDevice|TestSharingDevice|TestBlocks$|TestUnknownPath|TestCommonPacks|TestPersistentPack|TestInt8' ./graph/cpu
