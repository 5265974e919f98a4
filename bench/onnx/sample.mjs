// Writes text with an exported language model, a token at a time, and says how much of the processor a token takes.
//
//   node sample.mjs FILE.onnx NODE_MODULES TOKENS
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [file, modules, count] = [process.argv[2], process.argv[3], Number(process.argv[4])]
const { InferenceSession, Tensor } = createRequire(resolve(modules, 'x.js'))('onnxruntime-node')
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
const session = await InferenceSession.create(file, options)
const shape = session.inputMetadata.find((x) => x.name === 'states').shape.map((d) => (typeof d === 'number' ? d : 1))
const lengths = new Tensor('int32', Int32Array.of(1), [1])
let states = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape)
let token = 0

async function step() {
  const out = await session.run({ tokens: new Tensor('int32', Int32Array.of(token), [1, 1]), lengths, states })
  states = out.next_states
  const logits = out.logits.data
  token = logits.indexOf(Math.max(...logits))
}

for (let i = 0; i < 100; i++) await step()
const before = process.cpuUsage()
for (let i = 0; i < count; i++) await step()
const { user, system } = process.cpuUsage(before)
console.log(((user + system) / 1e3 / count).toFixed(3))
