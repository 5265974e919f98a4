#!/usr/bin/env bash
# NVIDIA's ptxas 11.8 (Debian 12, non-free; 84 MB): for a kernel that loads 300 numbers and stores them in another order, .maxntid 128 makes it take 32
# registers and spill 1,140 bytes, where without a word, or with .minnctapersm 1 beside it, it takes 255 and spills 224. 128 threads may have 512
# registers each. So a limit on threads, which should allow more registers, allows fewer: say .minnctapersm, too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
mirror=$(apt-get --print-uris download bash 2>/dev/null | sed "s/^'\([^']*\)\/pool\/.*/\1/")
curl -fsS "$mirror/pool/non-free/n/nvidia-cuda-toolkit/nvidia-cuda-toolkit_11.8.89~11.8.0-5~deb12u1_amd64.deb" -o toolkit.deb
dpkg-deb --fsys-tarfile toolkit.deb | tar -x ./usr/bin/ptxas
kernel() { # of this many numbers, with these directives
  printf '.version 7.8\n.target sm_90\n.address_size 64\n'
  printf '.visible .entry k(.param .u64 from, .param .u64 to) %s {\n.reg .u64 %%a, %%b;\n.reg .f32 %%f<%d>;\n' "$2" "$1"
  printf 'ld.param.u64 %%a, [from];\nld.param.u64 %%b, [to];\n'
  for ((i = 0; i < $1; i++)); do echo "ld.global.f32 %f$i, [%a+$((4 * i))];"; done
  for ((i = 0; i < $1; i++)); do echo "st.global.f32 [%b+$((4 * i))], %f$(((7 * i + 3) % $1));"; done
  echo 'ret; }'
}
made() {
  kernel 300 "$1" >kernel.ptx
  usr/bin/ptxas -arch=sm_90 -v kernel.ptx -o kernel.cubin 2>&1 |
    sed -n 's/.*frame, \([0-9]*\) bytes spill stores.*/\1 bytes spilled,/p; s/.*Used \([0-9]*\) registers.*/\1 registers/p' | paste -s -d ' '
}
usr/bin/ptxas --version | tail -1
plain=$(made "") threads=$(made ".maxntid 128, 1, 1") both=$(made ".maxntid 128, 1, 1 .minnctapersm 1")
echo "no directive: $plain; .maxntid 128: $threads; with .minnctapersm 1: $both"
if [ "$plain" != "224 bytes spilled, 255 registers" ] || [ "$threads" != "1140 bytes spilled, 32 registers" ] || [ "$both" != "$plain" ]; then
  echo "this has changed"
  exit 1
fi
