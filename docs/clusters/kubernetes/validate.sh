#!/usr/bin/env bash
# Checks the manifests beside this script: against Kubernetes' own schemas and, for those of an operator, against the
# definitions that its release has. Needs Go and the network; building the validator takes minutes, once for each TOOLS.
set -euo pipefail
cd "$(dirname "$0")"
kubernetes=1.30
tools=${TOOLS:-$(mktemp -d)}
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -n "${TOOLS:-}" ] || rm -rf "$tools"' EXIT

[ -x "$tools/kubectl-validate" ] || GOFLAGS='' GOBIN=$tools go install sigs.k8s.io/kubectl-validate@v0.0.4

# definitions MODULE FILE...: copies the definitions of a release to where the validator looks for them.
definitions() {
  local module=$1 dir
  shift
  dir=$(cd "$work" && GOFLAGS='' go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  for file; do cp "$dir/$file" "$work/crds/"; done
}
mkdir "$work/crds"
definitions github.com/kubeflow/mpi-operator@v0.8.2 manifests/base/kubeflow.org_mpijobs.yaml
definitions github.com/kubeflow/trainer/v2@v2.3.0 \
  manifests/base/crds/trainer.kubeflow.org_{trainjobs,trainingruntimes}.yaml

validate() { "$tools/kubectl-validate" --version "$kubernetes" --local-crds "$work/crds" "$@"; }

validate ./*.yaml
for manifest in ./*.yaml; do # the validator would find a wrong field
  sed '0,/ image:/s// imagine:/' "$manifest" > "$work/wrong.yaml"
  if validate "$work/wrong.yaml" > "$work/said" 2>&1; then
    echo "a wrong field of $manifest passes"
    exit 1
  fi
done
echo "all manifests are valid for Kubernetes $kubernetes; a wrong field in any is found"
