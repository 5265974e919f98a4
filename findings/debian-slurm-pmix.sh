#!/usr/bin/env bash
# Debian 12, Slurm 22.05.8: srun --mpi=pmix says "can not load PMIx library", also where Open MPI has brought libpmix2. The plugin opens libpmix.so,
# a name without a version, which only libpmix-dev has; its package depends on nothing of PMIx, and suggests nothing. With libpmix-dev it works.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
packages="slurm-wlm-basic-plugins libpmix2 libpmix-dev"
apt-get download -q slurm-wlm-basic-plugins=22.05.8-4+deb12u3 libpmix2=4.2.2-1+deb12u1 libpmix-dev=4.2.2-1+deb12u1 >/dev/null 2>&1
for package in $packages; do
  file=$(ls "$package"_*.deb)
  echo "$package $(dpkg-deb -f "$file" Version)"
  dpkg-deb -x "$file" "$package"
done
plugin=$(find slurm-wlm-basic-plugins -name 'mpi_pmix_v*.so')
named=$(grep -a -o 'libpmix\.so[.0-9]*' "$plugin" | sort -u)
needs=$(dpkg-deb -f slurm-wlm-basic-plugins_*.deb Depends Recommends Suggests | { grep -o 'libpmix[^ ,]*' || true; } | sort -u | paste -s -d ' ')
runs=$(find libpmix2 -name 'libpmix.so*' -printf '%f\n' | sort -u | paste -s -d ' ')
builds=$(find libpmix-dev -name 'libpmix.so*' -printf '%f\n' | sort -u | paste -s -d ' ')
echo "the plugin opens: $named; its package asks for: ${needs:-nothing of PMIx}; libpmix2 has: $runs; libpmix-dev has: $builds"
if [ "$named" != libpmix.so ] || [[ $needs == *libpmix-dev* ]] || [[ " $runs " == *" libpmix.so "* ]] || [ "$builds" != libpmix.so ]; then
  echo "this has changed"
  exit 1
fi
