#!/usr/bin/env bash
# github.com/posener/complete v1.2.3 (MIT), which completes flags in shells: its package imports its own installer, so that each program that completes
# links hashicorp/go-multierror and errwrap, which are under the MPL-2.0. github.com/jotaen/kong-completion brings it to programs of kong.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"github.com/alecthomas/kong"
	completion "github.com/jotaen/kong-completion"
)

func main() {
	var flags struct{ Name string }
	p := kong.Must(&flags)
	completion.Register(p)
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/alecthomas/kong@v1.17.0 github.com/jotaen/kong-completion@v0.0.7 github.com/posener/complete@v1.2.3 >/dev/null 2>&1
go build -o program .
linked=$(go version -m program | awk '$1 == "dep" && $2 ~ /hashicorp/ { print $2, $3 }')
through=$(go list -deps -f '{{$p := .ImportPath}}{{range .Imports}}{{.}} {{$p}}
{{end}}' . | awk '$1 == "github.com/hashicorp/go-multierror" || $1 == "github.com/posener/complete/cmd/install" { print $2, "imports", $1 }')
echo "$linked"
echo "$through"
for module in go-multierror errwrap; do
  licence=$(head -1 "$(go list -m -f '{{.Dir}}' github.com/hashicorp/$module)/LICENSE")
  echo "$module: $licence"
  case "$linked $licence" in *"/$module v"*"Mozilla Public License, version 2.0"*) ;; *) echo "this has changed" && exit 1 ;; esac
done
[[ $through == *"github.com/posener/complete/cmd/install imports github.com/hashicorp/go-multierror"* ]] || { echo "this has changed"; exit 1; }
