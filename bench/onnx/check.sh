#!/usr/bin/env bash
# Compares exported models with unroll, by onnxruntime, onnx.checker and PyTorch; runs the programs of docs/export.md, and
# runs.sh.
#
#   bench/onnx/check.sh
#
# It needs go, node and npm; python3 with onnx and with torch (PYTHON names another python3), or it says what it left
# out. It takes onnxruntime-node from npm (ORT names a folder that has it already). It is no part of CI.
set -euo pipefail
cd "$(dirname "$0")/../.."
repo=$PWD python=${PYTHON:-python3} version=1.30.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ort=${ORT:-$work/ort}
if [ ! -d "$ort/node_modules/onnxruntime-node" ]; then
  mkdir -p "$ort"
  (cd "$ort" && npm install --silent --ignore-scripts --no-audit --no-fund "onnxruntime-node@$version" >&2)
fi
has() { "$python" -c "import $1" 2> /dev/null || { echo "left out: $python has no $1"; return 1; }; }
block() { awk -v begin="\`\`\`$1" '$0 == "```" { on = 0 } on; $0 == begin { on = 1 }' "$repo/docs/export.md"; }

mkdir "$work/cases"
UNROLL_ONNX_CASES=$work/cases go test -count=1 ./internal/exchange > "$work/log" || { cat "$work/log"; exit 1; }
node bench/onnx/check.mjs "$work/cases" "$ort"
has onnx && "$python" bench/onnx/check.py "$work/cases"

go build -o "$work/unroll" ./cmd/unroll
cd "$work"
for i in $(seq 60); do
  for pair in "cat mat" "hen fen" "dog log"; do echo "the ${pair% *} is on the ${pair#* }."; done
done > text.txt
./unroll train lm --text text.txt --cell gru --hidden 32 --embed 16 --layers 2 --batch 4 --seq 16 --epochs 2 --out lm > log
./unroll export lm --onnx lm.onnx
./unroll sample lm --prompt "the " --temperature 0 --length 60 > want
ln -s "$ort/node_modules" node_modules
block js > write.mjs
node write.mjs > got.js
diff want got.js && echo "JavaScript writes what unroll sample writes"
if has torch; then
  block python > write.py
  "$python" write.py > got.py
  diff <(echo "<All keys matched successfully>"; cat want) got.py && echo "PyTorch writes what unroll sample writes"
fi
ORT=$ort "$repo/bench/onnx/runs.sh"
