#!/usr/bin/env bash
# What a machine with an NVIDIA GPU shows: whether unroll works there, and how fast it is beside the CPU and PyTorch.
#
#	make gpu-bench                             # where there are Go and gcc: builds bin/unroll, bin/cuda.test and bin/driver.test
#	[PARTS="..."] [LIMIT=S] bench/gpu.sh bin OUT   # where the GPU is; needs nothing but the driver and cuBLAS
#
# PARTS are run in the order given; see bench/gpu/README.md for what each does. Each part has a time limit, and LIMIT, in seconds, is one for
# all of them together. Writes two files to the folder OUT: summary.txt, at most 120 lines, which it also prints, and logs.tgz, all that
# the parts wrote. A part that fails ends nothing but itself. The exit code is 0 if all parts of unroll passed, 1 if one failed or is missing, 2 for
# wrong arguments, 69 if there is no GPU.
set -uo pipefail
first="doctor driver agreement decide models-tf32 torch-tf32 device"
second="memcheck racecheck kernels models-fp32 models-bf16 torch-fp32 torch-bf16 torch-compiled step device-plain"
[ $# = 2 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }
bin=$(cd "$1" && pwd) || exit 2
mkdir -p "$2" || exit 2
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
end=$((SECONDS + ${LIMIT:-600}))
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=$out/summary.txt
: >"$summary"
failed=0

say() { printf '%s\n' "$*" | tee -a "$summary"; }

# reason FILE: the line of a log that says best what went wrong.
reason() { { grep -m 1 'panic:\|fatal error:\|^SIG\|SIGSEGV\|^ *--- FAIL\|^unroll: ' "$1" || tail -n 1 "$1"; } | cut -c 1-200; }

# part NAME SECONDS COMMAND...: runs a command with its output in a log of that name.
part() {
  local name=$1 limit=$2 start=$SECONDS code what
  shift 2
  [ $((end - SECONDS - 5)) -ge "$limit" ] || limit=$((end - SECONDS - 5))
  if [ "$limit" -lt 3 ]; then
    skip "$name" "no time is left"
    return 0
  fi
  timeout -k 5 "$limit" "$@" >"$logs/$name.log" 2>&1 </dev/null
  code=$?
  case $code in
  0) what=passed ;;
  69) what="skipped: $(reason "$logs/$name.log")" ;;
  124 | 137) what="failed: not done after $limit s" ;;
  *) what="failed with exit code $code: $(reason "$logs/$name.log")" ;;
  esac
  say "$(printf '%-14s %4d s  %s' "$name" $((SECONDS - start)) "$what")"
  case $name/$what in torch* | decide* | step*) ;; */failed*) failed=1 ;; esac # these tell of the peer and of the GPU, not of unroll
  return "$code"
}

# skip NAME REASON: a part that is not run.
skip() { say "$(printf '%-14s %4d s  skipped: %s' "$1" 0 "$2")"; }

# with_unroll COMMAND...: runs it where cuBLAS finds the libraries that lie beside it.
with_unroll() { env ${UNROLL_LIBCUBLAS:+LD_LIBRARY_PATH="$(dirname "$UNROLL_LIBCUBLAS")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"} "$@"; }
export -f with_unroll

# unroll NAME SECONDS ARGUMENT...
unroll() { part "$1" "$2" bash -c 'with_unroll "$@"' - "$bin/unroll" "${@:3}"; }

# tests NAME SECONDS BINARY PATTERN [TOOL...]: tests of unroll on the GPU, run by a tool if one is given.
tests() {
  local name=$1 limit=$2 binary=$bin/$3 pattern=$4
  shift 4
  if [ ! -x "$binary" ]; then
    say "$(printf '%-14s %4d s  failed: there is no %s: make gpu-bench' "$name" 0 "$binary")"
    failed=1
    return
  fi
  part "$name" "$limit" bash -c 'with_unroll "$@"' - "$@" "$binary" -test.short -test.v -test.timeout "$((limit - 3))s" -test.run "$pattern"
}

# torch NAME SECONDS ARGUMENT...: PyTorch on the same models.
torch() {
  if timeout 30 "$python" -c 'import torch' >/dev/null 2>&1; then
    part "$1" "$2" "$python" "$here/gpu/torch_gpu.py" "${@:3}"
  else
    skip "$1" "$python has no PyTorch; set PYTHON to one that has"
  fi
}

# needs TOOL NAME: whether a part's tool is there.
needs() { command -v "$1" >/dev/null || { skip "$2" "there is no $1"; return 1; }; }

# run NAME: one part, with its limit in seconds.
run() {
  case $1 in
  doctor) doctor ;;
  driver) tests driver 30 driver.test . ;;
  agreement) tests agreement 50 cuda.test 'TestGPU(Models|Steps)' ;;
  decide) needs nvcc decide && part decide 60 bash -c 'nvcc -O3 -std=c++17 -arch=native "$0" -o "$1/decide" -ldl && "$1/decide"; code=$?; rm -f "$1/decide"; exit $code' "$here/gpu/decide.cu" "$logs" ;;
  models-fp32) unroll "$1" 40 bench models --quick --device cuda --save "$logs/$1.jsonl" ;;
  models-tf32 | models-bf16) unroll "$1" 40 bench models --quick --device cuda --precision "${1#models-}" --save "$logs/$1.jsonl" ;;
  models) unroll "$1" 70 bench models --quick --plot "$logs/models.svg" --save "$logs/models.jsonl" ;;
  kernels) unroll kernels 50 bench kernels --quick --plot "$logs/kernels.svg" --save "$logs/kernels.jsonl" ;;
  torch-fp32 | torch-tf32 | torch-bf16) torch "$1" 60 --seconds 0.3 --precisions "${1#torch-}" ;;
  torch-compiled) torch "$1" 80 --seconds 0.3 --precisions tf32 --workloads coupled,rnn --compile ;;
  device) tests device 120 cuda.test 'TestGPU(Device|Sharing)$' ;;
  device-plain) tests "$1" 60 cuda.test TestGPUDeviceWithoutCapture/f32 ;;
  memcheck | racecheck) needs compute-sanitizer "$1" && tests "$1" 60 cuda.test TestGPUModels/rnn compute-sanitizer --tool "$1" --error-exitcode 9 ;;
  step) needs ncu step && step ;;
  *) say "$(printf '%-14s %4d s  failed: there is no such part' "$1" 0)"; failed=1 ;;
  esac
}

# cublas prints where cuBLAS is, should the dynamic loader not know: with a CUDA toolkit, or with PyTorch.
cublas() {
  local file
  for file in $(ldconfig -p 2>/dev/null | sed -n 's/.*=> \(.*libcublas\.so\.1[123]\)$/\1/p') \
    /usr/local/cuda/lib64/libcublas.so.1[123] /usr/local/cuda*/targets/x86_64-linux/lib/libcublas.so.1[123] \
    $("$python" -c 'import glob, sys; print(*(f for p in sys.path for f in sorted(glob.glob(p + "/nvidia/*/lib/libcublas.so.1[123]"))[::-1]))' 2>/dev/null); do
    if [ -e "$file" ]; then
      printf '%s\n' "$file"
      return
    fi
  done
}

# doctor asks whether there is a GPU, and without one ends everything.
doctor() {
  unroll doctor 40 doctor --device cuda
  [ $? = 69 ] || return 0
  has_gpu=no
}

# step times every kernel of the first training steps of an LSTM, 2 layers of 512, one after the other, outside of a captured run.
step() {
  cat "$here"/../README.md "$here"/../docs/*.md >"$logs/text"
  part step 60 bash -c 'with_unroll "$@"' - ncu --clock-control none --metrics gpu__time_duration.sum --print-summary per-kernel -c 1000 \
    "$bin/unroll" train lm --text "$logs/text" --out "$logs/run" --cell lstm --hidden 512 --layers 2 --batch 50 --seq 50 --steps 2 --precision tf32 --device cuda
  rm -rf "$logs/text" "$logs/run"
}

# slowest sums up what ncu says, the kernels that take most time of the steps first: microseconds in all, runs, microseconds each, kernel.
slowest() {
  awk '/Invocations/ { n = $NF; name = $0; sub(/ \([0-9]+, [0-9]+, [0-9]+\)x\(.*/, "", name); sub(/^ */, "", name) }
    /^ *gpu__time_duration/ { each = $NF * ($2 == "ms" ? 1000 : $2 == "ns" ? 0.001 : 1); printf "%9.1f us  %4d x %8.2f us  %s\n", n * each, n, each, substr(name, 1, 110) }' |
    sort -rn
}

# told NAME: the lines of a part's log that belong in the summary, and how many at most.
told() {
  case $1 in
  doctor) head -n 8 ;;
  driver | agreement | device* | memcheck | racecheck)
    grep -v 'needs the fake driver' | grep 'differ by\|_test\.go:[0-9]*: \|[a-z]\.go:[0-9]*: \|the rule:\|--- FAIL\|panic\|CUDA error\|cuBLAS status\|^fatal error\|ERROR SUMMARY\|=========.* Invalid\|Race reported' | head -n 12 ;;
  torch* | models*) head -n 26 ;;
  step) slowest | head -n 24 ;;
  *) head -n 45 ;;
  esac | cut -c 1-160
}

export UNROLL_TEST_GPU=1 PYTHONUNBUFFERED=1
export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-${TMPDIR:-/tmp}/unroll-jit} CUDA_CACHE_MAXSIZE=2000000000 # kernels compiled by one part serve the next
if [ -z "${UNROLL_LIBCUBLAS:-}" ] && file=$(cublas) && [ -n "$file" ]; then export UNROLL_LIBCUBLAS=$file; fi
say "unroll on a GPU, $(date -u '+%Y-%m-%d %H:%M UTC'), $(nproc) processors, cuBLAS ${UNROLL_LIBCUBLAS:-where the loader finds it}"
say "$(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi')"
parts=${PARTS:-$first $second}
has_gpu=yes
for name in $parts; do
  if [ $has_gpu = no ]; then skip "$name" "no GPU"; else run "$name"; fi
done
for name in $parts; do
  [ -s "$logs/$name.log" ] || continue
  lines=$(told "$name" <"$logs/$name.log")
  [ -z "$lines" ] || say "== $name
$lines"
done
if [ "$(wc -l <"$summary")" -gt 120 ]; then sed -i '119q' "$summary" && echo "... the rest is in logs.tgz" >>"$summary"; fi
tar -czf "$out/logs.tgz" -C "$logs" .
[ $has_gpu = yes ] || exit 69
exit $failed
