#!/usr/bin/env bash
# What a token of a language model costs, batch 1, one thread: `unroll sample` beside onnxruntime with the exported model,
# in turns. Milliseconds of the processor; both take the likeliest token.
#
#   bench/onnx/sample.sh RUN [ROUNDS]
#
# It needs go, node and npm, and takes onnxruntime-node from npm (ORT names a folder that has it already).
set -euo pipefail
run=$(realpath "$1") rounds=${2:-5}
cd "$(dirname "$0")/../.."
repo=$PWD version=1.30.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ort=${ORT:-$work/ort}
if [ ! -d "$ort/node_modules/onnxruntime-node" ]; then
  mkdir -p "$ort"
  (cd "$ort" && npm install --silent --ignore-scripts --no-audit --no-fund "onnxruntime-node@$version" >&2)
fi
go build -o "$work/unroll" ./cmd/unroll
"$work/unroll" export "$run" --onnx "$work/lm.onnx" > /dev/null

TIMEFORMAT=%U
seconds() { { time "$work/unroll" sample "$run" --threads 1 --temperature 0 --length "$1" > /dev/null 2>&1; } 2>&1; }
for _ in $(seq "$rounds"); do
  short=$(seconds 1000) long=$(seconds 4000) # their difference is 3,000 tokens, without the start
  echo "unroll $(awk "BEGIN { printf \"%.3f\", ($long - $short) / 3 }")  onnxruntime $(node "$repo/bench/onnx/sample.mjs" \
    "$work/lm.onnx" "$ort/node_modules" 2000)"
done
