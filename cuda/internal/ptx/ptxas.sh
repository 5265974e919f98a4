#!/usr/bin/env bash
# Compiles PTX files with NVIDIA's assembler, for GPUs of the generations 80 (A100), if the text is for them, and 90 (H100): it knows
# the language best.
# Prints the registers and the spilled bytes of each kernel. Without files: those in testdata.
#
#	cuda/internal/ptx/ptxas.sh [FILE.ptx ...]
#
# ptxas is taken from $PTXAS, from the path, or, when there is none, fetched from Debian's non-free archive (84 MB, kept in the user's
# cache; NVIDIA's licence applies). Nothing else of the project needs it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/unroll/ptxas
deb=nvidia-cuda-toolkit_11.8.89~11.8.0-5~deb12u1_amd64.deb
url=https://deb.debian.org/debian/pool/non-free/n/nvidia-cuda-toolkit/$deb

ptxas=${PTXAS:-$(command -v ptxas || true)}
if [ -z "$ptxas" ]; then
  ptxas=$cache/usr/bin/ptxas
  if [ ! -x "$ptxas" ]; then
    echo "fetching $url" >&2
    mkdir -p "$cache"
    curl -fsSL "$url" -o "$cache/$deb"
    dpkg-deb --fsys-tarfile "$cache/$deb" | tar -x -C "$cache" ./usr/bin/ptxas
    rm "$cache/$deb"
  fi
fi

[ $# -gt 0 ] || set -- "$here"/testdata/*.ptx
status=0
for file in "$@"; do
  for arch in sm_80 sm_90; do
    grep -q "^\.target sm_90" "$file" && [ $arch = sm_80 ] && continue # kernels that begin early
    echo "== $file for $arch"
    "$ptxas" -arch="$arch" -v "$file" -o /dev/null 2>&1 | awk '
      /Compiling entry function/ { split($0, q, "\x27"); kernel = q[2] }
      /spill/                    { spills = $0; sub(/^ */, "", spills) }
      /Used .* registers/        { sub(/^.*Used /, ""); printf "%-32s %s; %s\n", kernel, $0, spills; next }
      /error|fatal|warning/      { print }' || status=1
  done
done
exit $status
