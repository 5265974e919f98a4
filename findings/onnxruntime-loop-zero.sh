#!/usr/bin/env bash
# onnxruntime 1.30.0: a Loop that makes no iteration gives outputs by iteration whose unknown sizes are all 0: of 4 rows 0×0×3 and not 0×4×3, although
# the rows are those of an input. What joins or slices such outputs meets another batch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >main.cjs <<'JS'
const ort = require("onnxruntime-node"), {onnx} = require("onnx-proto");
const FLOAT = 1, INT64 = 7, BOOL = 9, GRAPH = 5; // of tensors and of attributes
const size = of => typeof of === "number" ? {dimValue: of} : {dimParam: of};
const port = (name, elemType, ...dims) => ({name, type: {tensorType: {elemType, shape: {dim: dims.map(size)}}}});
const body = {
  name: "body",
  input: [port("i", INT64), port("more", BOOL), port("state", FLOAT, "rows", 3)],
  output: [port("still", BOOL), port("next", FLOAT, "rows", 3), port("each", FLOAT, "rows", 3)],
  node: [
    {opType: "Identity", input: ["more"], output: ["still"]}, {opType: "Add", input: ["state", "state"], output: ["next"]},
    {opType: "Identity", input: ["next"], output: ["each"]},
  ],
};
const graph = {
  name: "graph",
  input: [port("times", INT64), port("first", FLOAT, "rows", 3)],
  output: [port("last", FLOAT, "rows", 3), port("all", FLOAT, "times", "rows", 3)],
  node: [{opType: "Loop", input: ["times", "", "first"], output: ["last", "all"], attribute: [{name: "body", g: body, type: GRAPH}]}],
};

(async () => {
  const model = onnx.ModelProto.encode({irVersion: 8, opsetImport: [{domain: "", version: 17}], graph}).finish();
  const session = await ort.InferenceSession.create(model);
  const seen = [];
  for (const times of [2n, 1n, 0n]) {
    const out = await session.run({
      times: new ort.Tensor("int64", BigInt64Array.of(times), []), first: new ort.Tensor("float32", new Float32Array(12), [4, 3]),
    });
    seen.push(`${times} iterations: last ${out.last.dims.join("x")}, all ${out.all.dims.join("x")}`);
  }
  console.log("onnxruntime-node", require("onnxruntime-node/package.json").version);
  console.log(seen.join("\n"));
  if (seen[0] !== "2 iterations: last 4x3, all 2x4x3" || seen[2] !== "0 iterations: last 4x3, all 0x0x3") {
    console.log("this has changed");
    process.exitCode = 1;
  }
})();
JS
node main.cjs
