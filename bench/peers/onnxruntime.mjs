// The contender on onnxruntime: a language model that unroll has exported writes the likeliest characters. It reads
// requests and writes answers, one JSON object a line, as torch.py does. The file of a request has the inputs, and the
// file of the same name with .onnx behind it the model.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

// Where node looks from the folder that the command was started in, and NODE_PATH.
const require = createRequire(resolve('x.js'))
const { InferenceSession, Tensor } = require('onnxruntime-node')
const { version } = require('onnxruntime-node/package.json')

// integer reads one number of a safetensors file.
function integer(file, name) {
  const data = readFileSync(file)
  const head = Number(data.readBigUInt64LE(0))
  const [from] = JSON.parse(data.subarray(8, 8 + head))[name].data_offsets
  return data.readInt32LE(8 + head + from)
}

let session, shape, steps

async function build({ file, threads }) {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  session = await InferenceSession.create(file + '.onnx', options)
  shape = session.inputMetadata.find((x) => x.name === 'states').shape.map((d) => (typeof d === 'number' ? d : 1))
  steps = integer(file, 'in/steps')
}

// write writes all characters, and gives the mean of their logits, and a number that another character would change.
async function write() {
  const lengths = new Tensor('int32', Int32Array.of(1), [1])
  let states = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape)
  let token = 0, mean = 0, sum = 0
  for (let i = 0; i < steps; i++) {
    const out = await session.run({ tokens: new Tensor('int32', Int32Array.of(token), [1, 1]), lengths, states })
    states = out.next_states
    const logits = out.logits.data
    token = 0
    for (let k = 1; k < logits.length; k++) if (logits[k] > logits[token]) token = k
    mean += logits[token] / steps
    sum = (sum * 31 + token) % 8191
  }
  return { loss: mean, norm: 1 + sum }
}

async function run(seconds) {
  const ms = []
  const end = performance.now() + seconds * 1e3
  while (ms.length === 0 || performance.now() + ms.at(-1) < end) {
    const start = performance.now()
    await write()
    ms.push(performance.now() - start)
  }
  return { ms }
}

async function answer(r) {
  if (r.do === 'build') await build(r)
  else if (r.do === 'step') return write()
  else if (r.do === 'run') return run(r.seconds ?? 0)
  else session = undefined
  return {}
}

const say = (x) => process.stdout.write(JSON.stringify(x) + '\n')
say({ version: 'onnxruntime ' + version })
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await answer(JSON.parse(line)))
  } catch (e) {
    say({ error: String(e) })
  }
}
