#!/usr/bin/env bash
# Trains with two processes, under mpirun, on two GPUs of a fake driver that sum gradients by a fake NCCL, and checks what is said and how it
# ends: the sums by NCCL, the host in its place, refusals, a sum that fails on one process, one that never comes.
#
#	bench/gpu/ranks.sh BIN FAKE    # BIN has unroll, as make gpu builds it; FAKE holds the fake libraries: make gpu-dry builds both
#
# The fake driver runs no kernel, so no numbers are looked at. The arguments of each call are tested in cuda/driver.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
unroll=$(cd "$1" && pwd)/unroll
fake=$(cd "$2" && pwd)
if command -v mpirun.openmpi >/dev/null; then
  launch() { mpirun.openmpi --allow-run-as-root --oversubscribe --mca mpi_yield_when_idle 1 -n 2 "$@"; }
elif command -v mpirun.mpich >/dev/null; then
  launch() { mpirun.mpich -n 2 "$@"; }
else
  echo "bench/gpu/ranks.sh: there is no mpirun: nothing is tried"
  exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
for i in $(seq 60); do echo "line $i of a text"; done >text.txt
export TMPDIR=$tmp UNROLL_LIBCUDA=$fake/libcuda.so.1 UNROLL_LIBCUBLAS=$fake/libcublas.so.12 UNROLL_LIBNCCL=$fake/libnccl.so.2
tried=0

# try CODE LINE VARIABLE...: the exit code, what is said, and what the environment has.
try() {
  local want=$1 line=$2 code=0
  shift 2
  (
    [ $# = 0 ] || export "$@"
    launch "$unroll" train lm --mpi --device cuda --text text.txt --hidden 4 --layers 1 --embed 0 --batch 2 --seq 5 --accumulate 4 --steps 4 \
      --overwrite --out run
  ) >printed 2>&1 || code=$?
  if [ $code != "$want" ] || ! grep -qF -- "$line" printed; then
    cat printed
    echo "bench/gpu/ranks.sh: ${*:-all as it is}: exit code $code, want $want and: $line" >&2
    exit 1
  fi
  tried=$((tried + 1))
}

through="gradients are summed through the hosts"
try 0 "gradients are summed by NCCL 2.27, on the GPUs" UNROLL_NCCL=must
try 0 "rank 0: no NCCL: libnccl.so.0: cannot open shared object file: No such file or directory; install NCCL 2, or name its file in UNROLL_LIBNCCL; $through" UNROLL_LIBNCCL=libnccl.so.0
try 69 "UNROLL_NCCL=must, and rank 0: no NCCL: libnccl.so.0" UNROLL_LIBNCCL=libnccl.so.0 UNROLL_NCCL=must
try 0 "rank 0: no NCCL: the library is NCCL 2.13, needed is 2.14 or newer; $through" FAKE_NCCL=21304
try 0 "ranks 0 and 1 have one GPU, Fake GPU 0 of " FAKE_DEVICES=1
try 2 'UNROLL_NCCL is "yes": it must be off, must, or not set' UNROLL_NCCL=yes
try 69 "step 3: cuda: run: rank 1 of 2: ncclAllReduce: unhandled system error (NCCL error 2): call to ibv_create_qp failed" FAKE_NCCL_FAIL=1,3
try 69 "remote process exited or there was a network error (NCCL error 6): socket closed by a remote peer, in step 3: it is taken for lost" FAKE_NCCL_LOSE=3
try 0 "on cuda" UNROLL_NCCL=off
! grep -q "gradients are summed" printed || { echo "bench/gpu/ranks.sh: UNROLL_NCCL=off is talked about" >&2; exit 1; }
echo "bench/gpu/ranks.sh: two processes on two fake GPUs, $tried ways: all as promised"
