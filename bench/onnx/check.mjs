// Computes the cases in a folder with onnxruntime and compares them: see check.sh.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'
const require = createRequire(join(process.argv[3], 'node_modules/'))
const ort = require('onnxruntime-node')

const dir = process.argv[2]
const arrays = { float32: Float32Array, int32: Int32Array }
const number = x => (typeof x === 'number' ? x : { '+Inf': Infinity, '-Inf': -Infinity, NaN: NaN }[x])
const sessions = new Map()
const worst = {}
let cases = 0, numbers = 0, wrong = 0

for (const file of readdirSync(dir).filter(f => f.endsWith('.json')).sort()) {
  const c = JSON.parse(readFileSync(join(dir, file)))
  const kind = c.name.split('/')[0]
  if (Object.values(c.inputs).some(t => t.dims.includes(0))) throw new Error(`${c.name} has an empty input`)
  if (!sessions.has(c.model)) {
    sessions.set(c.model, await ort.InferenceSession.create(join(dir, c.model), { intraOpNumThreads: 1, logSeverityLevel: 2 }))
  }
  const feeds = {}
  for (const [name, t] of Object.entries(c.inputs)) feeds[name] = new ort.Tensor(t.type, arrays[t.type].from(t.data.map(number)), t.dims)
  const out = await sessions.get(c.model).run(feeds)
  cases++
  for (const [name, want] of Object.entries(c.outputs)) {
    const got = out[name]
    let miss = got.type !== want.type || got.dims.join() !== want.dims.join() ? Infinity : 0
    const scale = Math.max(1, ...want.data.map(number).filter(Number.isFinite).map(Math.abs))
    want.data.forEach((x, i) => {
      numbers++
      if (number(x) !== got.data[i]) miss = Math.max(miss, Math.abs(number(x) - got.data[i]) / scale)
    })
    if (!(miss <= 1e-5)) {
      wrong++
      console.log(`WRONG ${c.name}: ${name} of ${got.type} ${got.dims}, off by ${miss}`)
    }
    worst[kind] = Math.max(worst[kind] ?? 0, miss)
  }
}
console.log(`onnxruntime-node ${require('onnxruntime-node/package.json').version}: ${sessions.size} models, ${cases} batches, ${numbers} numbers`)
for (const [kind, miss] of Object.entries(worst)) console.log(`${kind}: largest difference ${miss.toExponential(1)} of the scale`)
process.exit(wrong || !cases ? 1 : 0)
