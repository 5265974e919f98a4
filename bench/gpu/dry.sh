#!/usr/bin/env bash
# Runs the commands of bench/gpu/README.md on a machine without a GPU, and checks that they end in time and leave the files that are promised.
#
#	bench/gpu/dry.sh BIN FAKE    # BIN as make gpu-bench writes it; FAKE holds a fake driver and cuBLAS: make gpu-dry builds both
#
# The fake driver runs no kernel, so parts that look at numbers fail; the tools of CUDA and PyTorch are stand-ins that do nothing.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
bin=$(cd "$1" && pwd)
fake=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for tool in nvcc ncu compute-sanitizer python3 nvidia-smi; do
  printf '#!/bin/sh\necho "stand-in of %s: $*"\n' "$tool" >"$tmp/$tool"
  chmod +x "$tmp/$tool"
done
printf 'while [ $# -gt 1 ]; do [ "$1" != -o ] || cp "$0" "$2"; shift; done\n' >>"$tmp/nvcc" # what it "compiles" is a stand-in, too
export PATH=$tmp:$PATH UNROLL_LIBCUDA=$fake/libcuda.so.1 UNROLL_LIBCUBLAS=$fake/libcublas.so.12 CUDA_CACHE_PATH=$tmp/cache
wrong() { printf 'bench/gpu/dry.sh: %s\n' "$*" >&2; exit 1; }

# Whoever runs the commands may stand in a copy, with nothing but the binaries built.
mkdir "$tmp/copy"
cp -r "$root"/bench "$root"/README.md "$root"/docs "$tmp/copy"
ln -s "$bin" "$tmp/copy/bin"
count=0
while IFS= read -r command; do
  count=$((count + 1))
  [ ${#command} -lt 2000 ] || wrong "command $count has ${#command} characters"
  limit=$(sed -n 's/.*LIMIT=\([0-9]*\).*/\1/p' <<<"$command")
  parts=$(sed -n 's/^PARTS="\([^"]*\)".*/\1/p' <<<"$command")
  start=$SECONDS
  code=0
  (cd "$tmp/copy" && OUT=$tmp/out-$count bash -c "$command") >"$tmp/printed" 2>&1 || code=$?
  took=$((SECONDS - start))
  [ $code = 1 ] || { cat "$tmp/printed"; wrong "command $count: exit code $code, want 1: the fake driver computes nothing"; }
  [ $took -le "$limit" ] || wrong "command $count took $took s, more than $limit"
  [ "$(ls "$tmp/out-$count")" = $'logs.tgz\nsummary.txt' ] || wrong "command $count left $(ls "$tmp/out-$count")"
  lines=$(wc -l <"$tmp/out-$count/summary.txt")
  [ "$lines" -le 120 ] || wrong "the summary of command $count has $lines lines"
  cmp -s <(head -n 30 "$tmp/printed") <(head -n 30 "$tmp/out-$count/summary.txt") || { diff "$tmp/printed" "$tmp/out-$count/summary.txt"; wrong "command $count does not print its summary"; }
  for part in $parts; do
    grep -q "^$part  *[0-9]* s  \(passed\|failed\)" "$tmp/out-$count/summary.txt" || { cat "$tmp/printed"; wrong "command $count has not run $part"; }
    tar -xOf "$tmp/out-$count/logs.tgz" "./$part.log" >/dev/null || wrong "command $count keeps no log of $part"
  done
  for part in decide step torch-compiled torch-tf32; do # what a stand-in runs passes, or the checks above would hold for a script that does nothing
    case " $parts " in *" $part "*) grep -q "^$part .* passed" "$tmp/out-$count/summary.txt" || wrong "command $count: $part has not passed" ;; esac
  done
  printf 'command %d of bench/gpu/README.md: %d characters, %d s of %d, %d lines, %s\n' "$count" ${#command} $took "$limit" "$lines" \
    "$(cd "$tmp/out-$count" && wc -c * | sed -n 's/^ *\([0-9]*\) \([a-z].*\)/\2 \1 bytes/p' | grep -v total | paste -sd, | sed 's/,/, /')"
done < <(sed -n '/^PARTS=/p' "$root/bench/gpu/README.md")
[ $count = 2 ] || wrong "bench/gpu/README.md has $count commands, want 2"
