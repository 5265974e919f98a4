#!/usr/bin/env bash
# Debian 12, MPICH 4.0.2 (Hydra): the exit code of mpiexec is the bitwise OR of the codes of its processes, which may be a code that none of them
# has given: 75 and 70 become 79, 1 and 2 become 3. Programs whose codes mean something must let all processes end with the same one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
apt-get download -q mpich=4.0.2-3+b1 libmpich12=4.0.2-3+b1 libhwloc15=2.9.0-1 >/dev/null 2>&1
for file in *.deb; do
  echo "${file%%_*} $(dpkg-deb -f "$file" Version)"
  dpkg-deb -x "$file" root
done
export PATH="$dir/root/usr/bin:$PATH"
LD_LIBRARY_PATH=$(find "$dir/root" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
code() { # of two processes that end with these codes
  local got=0
  mpiexec.hydra -launcher fork -n 2 sh -c '[ "$PMI_RANK" = 0 ] && exit '"$1; exit $2" >/dev/null 2>&1 || got=$?
  echo "processes end with $1 and $2: mpiexec ends with $got" >&2
  echo "$got"
}
if [ "$(code 75 70)" != 79 ] || [ "$(code 1 2)" != 3 ] || [ "$(code 75 75)" != 75 ]; then
  echo "this has changed"
  exit 1
fi
