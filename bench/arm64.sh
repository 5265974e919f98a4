#!/usr/bin/env bash
# The kernels, the CPU device, the models and the command as an arm64 processor runs them, in QEMU, for machines without
# one. Needs qemu-aarch64 (Debian: qemu-user) and, for the words of the instructions, binutils-aarch64-linux-gnu. It takes
# long, and says nothing of speed.
#
# One thread: QEMU 7.2 on x86-64 does not keep the order of Go's atomic operations, so that with several a correct
# hand-over hangs there.
set -euo pipefail
cd "$(dirname "$0")/.."

emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || { echo "there is no qemu-aarch64" >&2; exit 1; }
export CGO_ENABLED=0 GOMAXPROCS=1
emulated() { GOARCH=arm64 go test -short -timeout 120m -exec "$emulator" "$@"; }

GOARCH=arm64 go vet ./graph/cpu/...
GOARCH= go test ./graph/cpu/internal/kernel/gen/neon
emulated ./graph/cpu/internal/kernel
emulated -run 'TestDevice|TestSharingDevice|TestBlocks|TestBFloat16|TestUnknownPath|TestCommonPacks|TestPersistentPack|TestInt8' \
  ./graph/cpu
emulated -skip TestFromOutside ./models ./models/decode # that one builds a program and starts it, without the emulator

# What the command trains and writes there and here, where avx2 does the same operations in the same order.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/unroll" ./cmd/unroll
GOARCH=arm64 go build -o "$work/unroll-arm64" ./cmd/unroll
cd "$work"
here() { UNROLL_CPU=avx2 ./unroll "$@"; }
there() { "$emulator" ./unroll-arm64 "$@"; }
there doctor
for unroll in here there; do
  mkdir $unroll
  $unroll train seq2seq --task dates --hidden 32 --steps 40 --valid-translate 4 --threads 1 --out $unroll/dates > $unroll/log
  $unroll train lm --cell lstm --hidden 32 --batch 4 --seq 16 --steps 20 --threads 1 --precision bf16 --out $unroll/text > $unroll/log
  printf '%s\n' 'May 5, 2021' 15.5.39 'the seventeenth of september 1962' |
    $unroll translate $unroll/dates --beam 3 --json --threads 1 > $unroll/answers
  $unroll sample $unroll/text --temperature 0 --length 60 --weights int8 --threads 1 >> $unroll/answers
done
diff here/answers there/answers
for run in dates text; do cmp {here,there}/$run/last/weights.safetensors; done
echo "on arm64 two trainings have the weights that they have here, to the byte, and the answers are the same"
