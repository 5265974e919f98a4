#!/usr/bin/env bash
# Go 1.26: go build does not notice that a C header has changed which lies outside of the package, though within the same module: the binary keeps
# what the header said before. A header in the package's own folder is noticed, and so is any other word in CGO_CFLAGS. Needs a C compiler.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOCACHE=$dir/cache GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1
mkdir include app
cat >app/main.go <<'GO'
package main

// #cgo CFLAGS: -I${SRCDIR}/../include
// #include "outside.h"
// #include "beside.h"
import "C"

import "fmt"

func main() { fmt.Println("outside", C.OUTSIDE, "beside", C.BESIDE) }
GO
go mod init finding >/dev/null 2>&1
header() { echo "#define $2 $3" >"$1"; }
built() { # what the program says that go build makes
  go build -o program ./app
  ./program
}
header include/outside.h OUTSIDE 1
header app/beside.h BESIDE 1
first=$(built)
header include/outside.h OUTSIDE 2
second=$(built)
again=$(CGO_CFLAGS="-O2 -g -DANOTHER" built)
header include/outside.h OUTSIDE 3
header app/beside.h BESIDE 3
third=$(built)
go version
echo "both are 1: $first; outside.h is 2: $second; with another word in CGO_CFLAGS: $again; both are 3: $third"
if [ "$first" != "outside 1 beside 1" ] || [ "$second" != "outside 1 beside 1" ] || [ "$again" != "outside 2 beside 1" ] ||
  [ "$third" != "outside 3 beside 3" ]; then
  echo "this has changed"
  exit 1
fi
