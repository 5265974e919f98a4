#!/usr/bin/env bash
# Tries the page of unroll serve in a browser, for a model of each task, and takes pictures of it; and of the pictures that
# the command draws.
#
#	bench/serve/page.sh [PICTURES [RUN...]]
#
# Without runs it trains small ones. Needs Go, node and npm; gets Debian's chromium with apt where there is none, and
# puppeteer-core and axe-core with npm.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/bench/serve
work=$(mktemp -d)
server= failed=0
trap '[ -z "$server" ] || kill "$server"; wait; rm -rf "$work"' EXIT
pictures=$(realpath -m "${1:-$work/pictures}")
shift || true

command -v chromium > /dev/null || apt-get install -y --no-install-recommends chromium
modules=${PAGE_MODULES:-$work/node}
mkdir -p "$modules"
[ -d "$modules/node_modules/axe-core" ] ||
  (cd "$modules" && npm install --no-audit --no-fund --silent puppeteer-core@25.16.0 axe-core@4.14.1)
go build -o "$work/unroll" ./cmd/unroll

if [ $# -eq 0 ]; then
  cd "$work"
  for i in $(seq 40); do # series whose values rise or fall
    up=$((i % 2)); line=; values=
    for t in $(seq 12); do values+=,$((up ? t * i : -t * i)); done
    echo "$([ $up = 1 ] && echo up || echo down)$values" >> waves.csv
    echo "$i$values" >> slopes.csv
  done
  { echo hour,load; for t in $(seq 200); do echo "$t,$((50 + 10 * (t % 24 > 12)))"; done; } > load.csv
  for i in $(seq 90); do printf '%s\t%s\n' "$((i * i))" "$([ $((i % 2)) = 0 ] && echo even || echo odd)"; done > squares.tsv
  train() { ./unroll train "$@" --threads 1 > "$work/train.log" 2>&1 || { cat "$work/train.log"; exit 1; }; }
  train seq2seq --task dates --hidden 32 --epochs 1 --out runs/dates
  train classify --table squares.tsv --hidden 16 --steps 20 --out runs/squares
  train lm --hidden 32 --steps 60 --out runs/text
  train tag --task places --hidden 16 --steps 40 --out runs/places
  train classify --series waves.csv --hidden 8 --steps 20 --out runs/waves
  train regress --series slopes.csv --hidden 8 --steps 20 --out runs/slopes
  train forecast --series load.csv --horizon 24 --season 24 --hidden 8 --steps 20 --loss quantile --quantiles 0.1,0.5,0.9 --out runs/load
  set -- runs/*
fi
"$work/unroll" serve "$@" --addr 127.0.0.1:0 > "$work/address" 2> "$work/said" &
server=$!
for _ in $(seq 300); do
  grep -q listening "$work/address" && break
  kill -0 "$server" || { cat "$work/said"; exit 1; }
  sleep 0.1
done
cd "$modules"
node "$here/page.mjs" "$(sed 's/^listening on //' "$work/address")" "$pictures" || failed=1

# The pictures that the command draws of the first run, and of all; and where its attention looked.
cd "$OLDPWD"
drawn=$work/drawn
mkdir "$drawn"
cp "$1"/*.svg "$1"/*.png "$drawn"
draw() { "$work/unroll" "$@" > "$work/draw.log" 2>&1 || { cat "$work/draw.log"; exit 1; }; }
for kind in svg png; do
  draw runs "$@" --picture "$drawn/runs.$kind"
  draw profile "$1" --time 1s --picture "$drawn/profile.$kind"
done
draw graph "$1" --out "$drawn/graph.svg"
draw graph "$1" --full --out "$drawn/graph-full.svg"
if grep -q 'task: seq2seq' "$1/config.yaml"; then
  echo '23rd of December, 2006' | draw translate "$1" --attention "$drawn/attention.html"
fi
for run in "$@"; do
  if [ -e "$run/validation-1.svg" ]; then cp "$run"/validation-1.* "$drawn"; fi
done
cd "$modules"
node "$here/pictures.mjs" "$drawn" "$pictures" || failed=1
exit $failed
