#!/usr/bin/env bash
# Trains runs with unusual settings, by the command and by a program with cells and an attention of its own, exports
# them as ONNX, and compares what onnxruntime answers, in one ragged batch and with a beam, with what the command answers:
# see check.sh.
#
#   bench/onnx/runs.sh
#
# It needs go, node and npm, and takes onnxruntime-node from npm (ORT names a folder that has it already).
set -euo pipefail
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
go build -o "$work/own" ./bench/onnx/own
cd "$work"

for i in $(seq 60); do
  printf 'the number %s is\t%s\n' "$((i * i))" "$([ $((i % 2)) = 0 ] && echo even || echo odd)" >> squares.tsv
  printf 'the cat %s sat\tdie Katze %s saß\nTwo dogs,  %s!\tZwei Hunde, %s!\nca fe\u0301 %s\tu\u0308ber %s\n' \
    "$i" "$i" "$i" "$i" "$i" "$i" >> pairs.tsv
  for p in "cat mat" "hen fen"; do
    printf 'the %s is on the %s, cafe\u0301.\n' ${p% *} ${p#* } >> text.txt
    printf 'the\tO\n%s%s\tB-WHO\nis\tO\non\tO\nthe\tO\n%s\tB-WHERE\n\n' ${p% *} "$i" ${p#* } >> tags.txt
  done
done

train() { ./unroll train "$@" --steps 150 --threads 1 > train.log 2>&1 || { cat train.log; exit 1; }; }
lm() { train lm --text text.txt --hidden 24 --batch 4 --seq 16 --lr 0.01 --out "runs/lm-$1" "${@:2}"; }
translate() { train seq2seq --pairs pairs.tsv --hidden 24 --batch 16 --lr 0.01 --out "runs/translate-$1" "${@:2}"; }
classify() { train classify --table squares.tsv --hidden 12 --out "runs/classify-$1" "${@:2}"; }
tag() { train tag --task places --hidden 12 --out "runs/tag-$1" "${@:2}"; }
lm tied --cell gru --tie --embed 16
lm deep --cell lstm --layers 3 --tie --embed 24 --dropout 0.2
lm adaptive --tokens word --softmax adaptive --cutoffs 3,7 --cell gru
lm sampled --tokens word --softmax sampled --softmax-samples 4 --cell lstm --peepholes
lm half --precision bf16 --cell lstm --layer-norm --layers 2
lm windows --cell gru --recompute 4 --stride 8 --normalize nfc
lm onehot --cell rnn --nonlinearity relu --embed 0 --ema 0.9 --no-bias --lr 0.003
lm pairs --tokens bpe --max-vocab 60 --normalize nfkc --cell gru --sparse-updates
lm kept --cell gru --keep 4 --checkpoint-every 50
./unroll average runs/lm-kept --last 3 --out runs/lm-average > /dev/null 2>&1
translate tied --tie --embed 24 --normalize nfc
translate pairs --tie --embed 24 --tokens bpe --max-vocab 100 --bidirectional --layers 2 --cell lstm --normalize nfkc
translate adaptive --tokens word --softmax adaptive --cutoffs 10,30 --attention general
translate sampled --tokens word --softmax sampled --softmax-samples 8 --attention dot --input-feeding
translate none --attention none --cell lstm --context-every-step
translate before --attention-before --bidirectional --min-freq 3 --tokens word
translate concat --attention concat --input-feeding --cell lstm --peepholes --layer-norm --bidirectional
translate half --precision bf16 --attention dot --recompute 4 --label-smoothing 0.1 --teacher-forcing 0.7
classify unknown --tokens word --min-freq 3
classify mean --bidirectional --layers 2 --cell lstm --pooling mean --normalize nfc
classify max --embed 0 --pooling max --cell rnn --no-bias
classify cut --precision bf16 --longest 8 --cell lstm --layer-norm
classify pairs --ema 0.95 --recompute 2 --pooling last --tokens bpe
tag crf --crf --letters 6
tag cased --cell rnn --nonlinearity relu --letters 4 --layers 2 --keep-case
tag half --word-dropout 0.5 --precision bf16
./own train runs

export_part() { # of a run, to a file
  case $1 in *-own) ./own export "$1" "$2" "$3" ;; *) ./unroll export "$1" --onnx "$2" --part "$3" > /dev/null ;; esac
}
for run in runs/*; do export_part "$run" "$run.onnx" whole; done
for run in runs/translate-*/; do
  for part in encoder step; do export_part "${run%/}" "${run%/}.$part.onnx" $part; done
done
node "$repo/bench/onnx/runs.mjs" "$repo" "$work" "$ort"
