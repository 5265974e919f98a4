#!/usr/bin/env bash
# Debian 12, onnx 1.12.0: onnx.checker with full_check takes a GRU whose weights or bias have sizes that no GRU has, and a graph for version 1000 of the
# operators (the newest that it knows is 17) with an attribute that the operator lost in version 18. It says little of a file: run each in a runtime.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
apt-get download -q python3-onnx=1.12.0-2+b4 libonnx1=1.12.0-2+b4 python3-protobuf=3.21.12-3+deb12u1 libprotobuf32=3.21.12-3+deb12u1 \
  python3-numpy=1:1.24.2-1+deb12u1 libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 python3-typing-extensions=4.4.0-1 \
  python3.11-minimal libpython3.11-minimal libpython3.11-stdlib python3-six=1.16.0-4 >/dev/null 2>&1
for file in *.deb; do
  dpkg-deb -x "$file" root
done
LD_LIBRARY_PATH=$(find "$dir/root" -name 'lib*.so*' -printf '%h\n' | sort -u | paste -s -d :)
export LD_LIBRARY_PATH PYTHONPATH=$dir/root/usr/lib/python3/dist-packages PYTHONHOME=$dir/root/usr
cat >check.py <<'PY'
import sys

import onnx
from onnx import TensorProto, helper


def port(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def taken(version, node, inputs, output):
    model = helper.make_model(helper.make_graph([node], "graph", inputs, [output]), opset_imports=[helper.make_opsetid("", version)])
    model.ir_version = 8
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        return str(error).splitlines()[0]
    return "taken"


def gru(rows, bias):
    node = helper.make_node("GRU", ["x", "w", "r", "b"], ["y"], hidden_size=4)
    return taken(17, node, [port("x", 5, 2, 3), port("w", 1, rows, 3), port("r", 1, 12, 4), port("b", 1, bias)], port("y", 5, 1, 2, 4))


def most(version, rows=3):
    node = helper.make_node("ReduceMax", ["x"], ["y"], axes=[0], keepdims=0)
    return taken(version, node, [port("x", 2, 3)], port("y", rows))


print("onnx", onnx.__version__ + ", which knows operators to version", onnx.defs.onnx_opset_version())
seen = {
    "GRU of 4 units, 12 rows of weights and 24 of bias": gru(12, 24),
    "the same with 12 of bias": gru(12, 12),
    "the same with 7 rows of weights": gru(7, 24),
    "ReduceMax with axes as an attribute, version 17": most(17),
    "the same, version 18": most(18),
    "the same, version 1000": most(1000),
    "the same, version 17, and an output of another size": most(17, 9),
}
for what, said in seen.items():
    print(what + ":", said)
said = list(seen.values())
if said[:6] != ["taken"] * 6 or said[6] == "taken":
    print("this has changed")
    sys.exit(1)
PY
"$dir/root/usr/bin/python3.11" check.py
