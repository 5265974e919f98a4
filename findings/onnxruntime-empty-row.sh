#!/usr/bin/env bash
# onnxruntime 1.30.0 (CPU), operators RNN, GRU and LSTM: a row with 0 in sequence_lens does not keep its initial state, it ends with zeros. Who reads
# streams in batches, and has nothing new for some of them, must keep their states beside the model.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >main.cjs <<'JS'
const ort = require("onnxruntime-node"), {onnx} = require("onnx-proto");
const FLOAT = 1, INT32 = 6, INT = 2; // of tensors and of attributes
const port = (name, elemType, ...dims) => ({name, type: {tensorType: {elemType, shape: {dim: dims.map(dimValue => ({dimValue}))}}}});
const all = (name, x, ...dims) => ({name, dims, dataType: FLOAT, floatData: Array(dims.reduce((a, b) => a * b)).fill(x)});

// last are the last states of two rows that begin with 0.5, with 2 steps and with none.
async function last(opType, gates, cell) {
  const initial = ["h", ...cell], ends = initial.map(name => name + "_last");
  const graph = {
    name: "graph",
    input: [port("x", FLOAT, 3, 2, 1), port("lengths", INT32, 2), ...initial.map(name => port(name, FLOAT, 1, 2, 1))],
    output: ends.map(name => port(name, FLOAT, 1, 2, 1)),
    initializer: [all("w", 0.3, 1, gates, 1), all("r", 0.2, 1, gates, 1)],
    node: [{opType, input: ["x", "w", "r", "", "lengths", ...initial], output: ["", ...ends], attribute: [{name: "hidden_size", i: 1, type: INT}]}],
  };
  const model = onnx.ModelProto.encode({irVersion: 8, opsetImport: [{domain: "", version: 17}], graph}).finish();
  const session = await ort.InferenceSession.create(model);
  const half = new ort.Tensor("float32", Float32Array.of(0.5, 0.5), [1, 2, 1]);
  const out = await session.run({
    x: new ort.Tensor("float32", new Float32Array(6).fill(1), [3, 2, 1]), lengths: new ort.Tensor("int32", Int32Array.of(2, 0), [2]),
    ...Object.fromEntries(initial.map(name => [name, half])),
  });
  return ends.map(name => Array.from(out[name].data, x => x.toFixed(3)));
}

(async () => {
  console.log("onnxruntime-node", require("onnxruntime-node/package.json").version + ": the last states of rows with 2 steps and with 0, all from 0.5");
  for (const [opType, gates, cell] of [["RNN", 1, []], ["GRU", 3, []], ["LSTM", 4, ["c"]]]) {
    const states = await last(opType, gates, cell);
    console.log(opType, states.map(rows => rows.join(" and ")).join("; of the cell "));
    if (states.some(([two, none]) => two === "0.000" || none !== "0.000")) {
      console.log("this has changed");
      process.exitCode = 1;
    }
  }
})();
JS
node main.cjs
