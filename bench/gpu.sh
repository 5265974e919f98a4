#!/usr/bin/env bash
# What a machine with an NVIDIA GPU shows: whether unroll works there, and how fast it is beside the CPU and PyTorch.
#
#	make gpu-bench            # where there are Go and gcc: builds bin/unroll, bin/cuda.test and bin/driver.test
#	bench/gpu.sh bin OUT      # where the GPU is, in nine minutes at most; needs nothing but the driver and cuBLAS
#
# Writes a log for each part to the folder OUT, and a summary, summary.txt, which it also prints. Each part has a time limit of its own, and a
# part that fails ends nothing but itself. The exit code is 0 if all parts of unroll passed, 1 if one failed or is missing, 69 if there is no GPU.
set -uo pipefail
[ $# = 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
bin=$(cd "$1" && pwd) || exit 2
mkdir -p "$2" || exit 2
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
summary=$out/summary.txt
: >"$summary"
failed=0

say() { printf '%s\n' "$*" | tee -a "$summary"; }

# reason FILE: the line of a log that says best what went wrong.
reason() { grep -m 1 'panic:\|fatal error:\|^SIG\|SIGSEGV\|^ *--- FAIL\|^unroll: ' "$1" || tail -n 1 "$1"; }

# why FILE: of the log of tests, what failed and how.
why() { grep '^ *[a-z_]*\.go:[0-9]*: \|the rule:\|--- FAIL\|panic\|CUDA error\|cuBLAS status\|running tests\|^fatal error' "$1" | head -n 60; }

# part NAME SECONDS COMMAND...: runs a command with its output in OUT/NAME.log.
part() {
  local name=$1 limit=$2 start=$SECONDS code what
  shift 2
  timeout -k 5 "$limit" "$@" >"$out/$name.log" 2>&1 </dev/null
  code=$?
  case $code in
  0) what=passed ;;
  69) what="skipped: $(tail -n 1 "$out/$name.log")" ;;
  124 | 137) what="failed: not done after $limit s" ;;
  *) what="failed with exit code $code: $(reason "$out/$name.log")" ;;
  esac
  say "$(printf '%-14s %4d s  %s' "$name" $((SECONDS - start)) "$what")"
  case $what in failed*) [ "$name" = "${name#torch}" ] && failed=1 ;; esac # PyTorch is the peer's matter
  return "$code"
}

# skip REASON NAME...: parts that are not run.
skip() {
  local reason=$1 name
  shift
  for name; do say "$(printf '%-14s %4d s  skipped: %s' "$name" 0 "$reason")"; done
}

# cuBLAS may lie where the dynamic loader does not look: with a CUDA toolkit, or with PyTorch.
cublas() {
  local python=${PYTHON:-python3} file
  for file in $(ldconfig -p 2>/dev/null | sed -n 's/.*=> \(.*libcublas\.so\.1[123]\)$/\1/p') \
    /usr/local/cuda/lib64/libcublas.so.1[123] /usr/local/cuda*/targets/x86_64-linux/lib/libcublas.so.1[123] \
    $("$python" -c 'import glob, sys; print(*(f for p in sys.path for f in sorted(glob.glob(p + "/nvidia/*/lib/libcublas.so.1[123]"))[::-1]))' 2>/dev/null); do
    if [ -e "$file" ]; then
      printf '%s\n' "$file"
      return
    fi
  done
}

say "unroll on a GPU, $(date -u '+%Y-%m-%d %H:%M UTC'), $(nproc) processors"
others="driver device device-plain agreement kernels models models-tf32 torch torch-compiled"
part doctor 45 "$bin/unroll" doctor --device cuda
code=$?
if [ "$code" = 69 ] && [ -z "${UNROLL_LIBCUBLAS:-}" ] && grep -q 'cublas' "$out/doctor.log"; then
  if file=$(cublas) && [ -n "$file" ]; then
    export UNROLL_LIBCUBLAS=$file
    say "cuBLAS is $file"
    part doctor 45 "$bin/unroll" doctor --device cuda
    code=$?
  fi
fi
if [ "$code" = 69 ]; then
  skip "no GPU" $others
  cat "$out/doctor.log"
  exit 69
fi
# The tests of the driver, of the device and of models; a test says what it checks.
export UNROLL_TEST_GPU=1
tests() {
  local name=$1 limit=$2 binary=$3 pattern=$4
  if [ -x "$binary" ]; then
    part "$name" "$limit" "$binary" -test.short -test.v -test.timeout "$((limit - 3))s" -test.run "$pattern" || why "$out/$name.log" | tee -a "$summary"
  else
    say "$(printf '%-14s %4d s  failed: there is no %s: make gpu-bench' "$name" 0 "$binary")"
    failed=1
  fi
}
tests driver 35 "$bin/driver.test" .
tests device 70 "$bin/cuda.test" 'TestGPUDevice$'
tests device-plain 50 "$bin/cuda.test" TestGPUDeviceWithoutCapture/f32
tests agreement 45 "$bin/cuda.test" TestGPUModels
part kernels 65 "$bin/unroll" bench kernels --quick --plot "$out/kernels.svg" --save "$out/kernels.jsonl"
part models 65 "$bin/unroll" bench models --quick --plot "$out/models.svg" --save "$out/models.jsonl"
part models-tf32 30 "$bin/unroll" bench models --quick --device cuda --precision tf32 --save "$out/models-tf32.jsonl"
python=${PYTHON:-python3}
if timeout 30 "$python" -c 'import torch' 2>/dev/null; then
  part torch 70 "$python" "$here/gpu/torch_gpu.py" --seconds 0.4
  part torch-compiled 50 "$python" "$here/gpu/torch_gpu.py" --seconds 0.4 --compile --precisions tf32
else
  skip "$python has no PyTorch; set PYTHON to one that has" torch torch-compiled
fi
say ""
for name in doctor agreement kernels models models-tf32 torch torch-compiled; do
  [ -s "$out/$name.log" ] || continue
  say "== $name"
  if [ "$name" = agreement ]; then grep 'differ by\|^ *--- ' "$out/$name.log"; else cat "$out/$name.log"; fi | tee -a "$summary"
done
exit $failed
