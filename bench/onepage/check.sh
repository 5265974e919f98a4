#!/usr/bin/env bash
# Opens pages of unroll export --html in a browser, from the disk and without a network, and compares what they answer
# with what the command answers.
#
#	bench/onepage/check.sh [PICTURES]
#
# Needs Go, node and npm; gets Debian's chromium with apt where there is none, puppeteer-core and axe-core with npm, and
# the runtime as the command gets it (RUNTIME names a file that has it). It is no part of CI.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/bench/onepage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pictures=$(realpath -m "${1:-$work/pictures}")
command -v chromium > /dev/null || apt-get install -y --no-install-recommends chromium
modules=${PAGE_MODULES:-$work/node}
mkdir -p "$modules" "$pictures"
[ -d "$modules/node_modules/axe-core" ] ||
  (cd "$modules" && npm install --no-audit --no-fund --silent puppeteer-core@25.16.0 axe-core@4.14.1)
go build -o "$work/unroll" ./cmd/unroll
cd "$work"

for i in $(seq 60); do
  printf 'the number %s is\t%s\n' "$((i * i))" "$([ $((i % 2)) = 0 ] && echo even || echo odd)" >> squares.tsv
  printf 'the cat %s sat\tdie Katze %s saß\nTwo dogs,  %s!\tZwei Hunde, %s!\n' "$i" "$i" "$i" "$i" >> pairs.tsv
  for p in "cat mat" "hen fen"; do echo "the ${p% *} is on the ${p#* }."; done >> text.txt
done
train() { ./unroll train "$@" --threads 1 > train.log 2>&1 || { cat train.log; exit 1; }; }
train seq2seq --task dates --hidden 32 --steps 150 --out runs/dates
train seq2seq --pairs pairs.tsv --tokens bpe --max-vocab 120 --normalize nfkc --hidden 24 --steps 40 --out runs/subwords
train classify --table squares.tsv --tokens word --hidden 16 --steps 20 --out runs/words
train classify --table squares.tsv --cell lstm --bidirectional --pooling max --hidden 12 --steps 20 --out runs/characters
train tag --task places --hidden 16 --steps 60 --out runs/places
train lm --text text.txt --cell gru --layers 2 --hidden 32 --batch 4 --seq 16 --steps 60 --out runs/text
train lm --text text.txt --tokens bpe --max-vocab 60 --cell lstm --hidden 24 --batch 4 --seq 16 --steps 60 --out runs/pieces
node "$here/numbers.mjs" "$work"
train forecast --series shops.csv --id shop --time day --targets sold,visits --known price --static city --horizon 7 \
  --calendar --quantiles 0.1,0.5,0.9 --head autoregressive --hidden 12 --steps 20 --out runs/shops
train forecast --series load.csv --horizon 12 --season 12 --hidden 12 --steps 20 --out runs/load
train forecast --series load.csv --horizon 9 --season 5 --scale std --log no --loss student --hidden 12 --steps 20 \
  --out runs/counts
train classify --series slopes.ts --bidirectional --pooling mean --differences --patch 2 --hidden 12 --epochs 6 \
  --out runs/slopes
train classify --series one.tsv --scale series --hidden 12 --epochs 6 --out runs/one
train regress --series lengths.ts --hidden 12 --epochs 6 --out runs/lengths
train classify --idx . --hidden 12 --epochs 3 --out runs/images
for run in runs/*; do ./unroll export "$run" --html "${run#runs/}.html" ${RUNTIME:+--runtime "$RUNTIME"}; done
cd "$modules"
node "$here/check.mjs" "$work" "$pictures"
