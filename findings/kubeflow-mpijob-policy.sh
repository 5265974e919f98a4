#!/usr/bin/env bash
# kubeflow/mpi-operator v0.8.2: the definition of MPIJob lets any launcherCreationPolicy pass, "Sometimes" for instance. The comment above the field
# has a colon where the generator wants an equals sign, so that the list of the two values never came into the definition; that of
# mpiImplementation, with the equals sign, did. So "atStartup", with a small a, is taken, and the controller, which compares with "AtStartup" alone,
# then waits for the workers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
module=$(GOFLAGS='' go mod download -json github.com/kubeflow/mpi-operator@v0.8.2 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')

echo "mpi-operator v0.8.2, the source:"
grep -h -A 2 'kubebuilder:validation:Enum:\(AtStartup\|=OpenMPI\)' "$module/pkg/apis/kubeflow/v2beta1/types.go"

# values FIELD: the values that the definition allows for a field of the specification.
values() {
  awk -v field="              $1:" '$0 == field {on = 1; next} on && /^              [^ ]/ {exit} on && /^ *- / {print $2}' \
    "$module/manifests/base/kubeflow.org_mpijobs.yaml" | paste -s -d ' '
}
echo "the definition: mpiImplementation is one of: $(values mpiImplementation)"
echo "the definition: launcherCreationPolicy is one of: $(values launcherCreationPolicy) (nothing is said)"
if [ "$(values mpiImplementation)" != "OpenMPI Intel MPICH" ] || [ -n "$(values launcherCreationPolicy)" ]; then
  echo "this has changed"
  exit 1
fi
