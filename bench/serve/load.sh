#!/usr/bin/env bash
# Measures unroll serve under load with models of several sizes: all rows of docs/results.md, "The server under load".
#
#	bench/serve/load.sh MODELS SOURCES TARGETS [SECONDS]
#
# SOURCES and TARGETS are the lines of a translation, such as train.en and train.de of Multi30k. Models are trained on
# them for a few steps, as speed does not ask what they know, into the folder MODELS, where they are not there yet: that
# takes about ten minutes of two cores. SECONDS, 10 without it, is the time of a measurement. THREADS are the numbers of threads
# of the model, "1 2" without it.
set -euo pipefail
models=$(realpath -m "$1") sources=$(realpath "$2") targets=$(realpath "$3") seconds=${4:-10}
cd "$(dirname "$0")/../.."
mkdir -p "$models"
go build -trimpath -o "$models/unroll" ./cmd/unroll
go build -trimpath -o "$models/load" ./bench/serve
cd "$models"

train() { # NAME TASK FLAGS...
  [ -e "$1/last" ] || ./unroll train "$2" "${@:3}" --out "$1" > "$1.log" 2>&1 || { tail -n 3 "$1.log"; exit 1; }
}
pairs() { train "$1" seq2seq --src "$sources" --tgt "$targets" --tokens word --bidirectional --embed 256 "${@:2}"; }
{ tr '\t' ' ' < "$sources" | sed 's/$/\tsource/'; tr '\t' ' ' < "$targets" | sed 's/$/\ttarget/'; } > texts.tsv
train dates seq2seq
train lstm512 classify --table texts.tsv --tokens word --min-freq 2 --cell lstm --hidden 512 --embed 256 --steps 30
train lstm1024 classify --table texts.tsv --tokens word --min-freq 2 --cell lstm --layers 2 --hidden 1024 --embed 256 --steps 10
pairs gru256 --hidden 256 --min-freq 2 --batch 16 --steps 500
pairs gru512 --hidden 512 --min-freq 2 --batch 16 --steps 500
pairs gru512-all --hidden 512 --min-freq 1 --batch 8 --steps 500

for i in $(seq 500); do printf '%s %s\n%s.%s.%s\n' "$((i % 28 + 1)) May" "$((1970 + i % 60))" "$((i % 28 + 1))" "$((i % 12 + 1))" "$((10 + i % 60))"; done > dates.txt
tail -n 1000 "$sources" > sentences.txt
paste -d '\n' sentences.txt <(tail -n 1000 "$targets") > both.txt
for threads in ${THREADS:-1 2}; do
  while read -r model inputs; do
    printf '\n## %s, --threads %s\n\n' "$model" "$threads"
    ./load --unroll ./unroll --run "$model" --inputs "$inputs" --seconds "$seconds" --flags "--threads $threads"
  done <<< 'dates dates.txt
lstm512 both.txt
lstm1024 both.txt
gru256 sentences.txt
gru512 sentences.txt
gru512-all sentences.txt'
done
