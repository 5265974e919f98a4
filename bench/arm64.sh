#!/usr/bin/env bash
# The kernels, the CPU device, the models and the command as an arm64 processor runs them, in QEMU, for machines without
# one: needs qemu-aarch64 (Debian: qemu-user), for the words of the instructions binutils-aarch64-linux-gnu, and a
# processor with AVX2, whose numbers those of the command are compared with. It says nothing of speed.
#
#	bench/arm64.sh                 # all parts
#	bench/arm64.sh kernels models  # some of them
#
# All of it takes about a quarter of an hour of a free core, most of it the device and the models, whose example of translation
# alone takes 500 training steps; beside other work it takes as many times longer as it gets less of the core.
#
# Of each part a line says whether it passed, and after how many seconds. One that fails, or is not done after its limit,
# shows the end of what it wrote; the others still run, and the exit code is 1.
#
# One thread: QEMU 7.2 on x86-64 does not keep the order of Go's atomic operations, so that with several a correct
# hand-over hangs there.
set -uo pipefail
cd "$(dirname "$0")/.."

emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || { echo "there is no qemu-aarch64" >&2; exit 1; }
export CGO_ENABLED=0 GOMAXPROCS=1 GOFLAGS="${GOFLAGS:-} -trimpath"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

vet() { GOARCH=arm64 go vet ./graph/cpu/...; }
words() { GOARCH= go test -short ./graph/cpu/internal/kernel/gen/neon; }

# emulated tests packages, for at most so many minutes.
emulated() {
  local minutes=$1
  shift
  GOARCH=arm64 go test -short -timeout "${minutes}m" -exec "$emulator" "$@"
}
kernels() { emulated 20 ./graph/cpu/internal/kernel; }
device() {
  emulated 60 -run 'TestDevice|TestSharingDevice|TestBlocks|TestBFloat16|TestUnknownPath|TestCommonPacks|TestPersistentPack|TestInt8' \
    ./graph/cpu
}
models() { emulated 90 -skip TestFromOutside ./models; } # that one builds a program and starts it, without the emulator
decode() { emulated 20 ./models/decode; }

# What the command trains and writes there and here, where avx2 does the same operations in the same order.
trainings() {
  set -e # which counts, as it is not called in a condition
  go build -o "$work/unroll" ./cmd/unroll
  GOARCH=arm64 go build -o "$work/unroll-arm64" ./cmd/unroll
  cd "$work"
  here() { UNROLL_CPU=avx2 timeout 10m ./unroll "$@"; }
  there() { timeout 60m "$emulator" ./unroll-arm64 "$@"; }
  there doctor
  for unroll in here there; do
    mkdir $unroll
    $unroll train seq2seq --task dates --hidden 32 --steps 40 --valid-translate 4 --threads 1 --out $unroll/dates
    $unroll train lm --cell lstm --hidden 32 --batch 4 --seq 16 --steps 20 --threads 1 --precision bf16 --out $unroll/text
    printf '%s\n' 'May 5, 2021' 15.5.39 'the seventeenth of september 1962' |
      $unroll translate $unroll/dates --beam 3 --json --threads 1 > $unroll/answers
    $unroll sample $unroll/text --temperature 0 --length 60 --weights int8 --threads 1 >> $unroll/answers
  done
  diff here/answers there/answers
  for run in dates text; do cmp {here,there}/$run/last/weights.safetensors; done
}

said() {
  case $1 in
    vet) echo "the assembly is well-formed" ;;
    words) echo "the instructions are the words that the assembler makes of them" ;;
    kernels) echo "the kernels" ;;
    device) echo "the device: its contract, blocks, bf16, int8" ;;
    models) echo "the models, and their examples" ;;
    decode) echo "beam search and sampling" ;;
    trainings) echo "two trainings have the weights that they have here, to the byte, and the answers are the same" ;;
    *) return 1 ;;
  esac
}

all=(vet words kernels device decode trainings models)
parts=("${@:-${all[@]}}")
for part in "${parts[@]}"; do
  said "$part" > /dev/null || { echo "there is no part $part: choose some of ${all[*]}" >&2; exit 2; }
done
failed=()
for part in "${parts[@]}"; do
  begin=$SECONDS
  ("$part") > "$work/log" 2>&1
  status=$?
  if [ $status = 0 ]; then
    printf '%-9s passed after %5d s: %s\n' "$part" $((SECONDS - begin)) "$(said "$part")"
  else
    printf '%-9s FAILED after %5d s: %s\n' "$part" $((SECONDS - begin)) "$(said "$part")"
    tail -n 40 "$work/log" | sed 's/^/    /'
    failed+=("$part")
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all ${#parts[@]} parts passed in $((SECONDS / 60)) minutes"
