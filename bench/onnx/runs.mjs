// Compares what onnxruntime answers with exported runs to what the command answers: see runs.sh.
//
//   node runs.mjs REPO WORK NODE    where WORK has unroll, own, runs/NAME and runs/NAME.onnx
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import vm from 'node:vm'
import { search } from './beam.mjs'

const [repo, work, modules] = process.argv.slice(2)
const { InferenceSession, Tensor } = createRequire(resolve(modules, 'node_modules/x.js'))('onnxruntime-node')
const cutter = vm.createContext({}) // of texts, as the exported page cuts them
vm.runInContext(readFileSync(`${repo}/internal/onepage/page/tokens.js`, 'utf8') +
  ';Object.assign(globalThis, {Vocab, trimmed, wordsIn, lowered})', cutter)
const { Vocab, trimmed, wordsIn, lowered } = cutter

const texts = ['the cat 12 sat', 'Two dogs,  7!', '  two   dogs ', 'caf\u00e9 cafe\u0301 5', 'ca fe\u0301 7', 'ca f\u00e9 12',
  'x\u0085y z', '\ufb01ne \u00bd \u2163', '日本語 the cat', '👍🏽 dogs!', 'q', 'the number 36 is', '49', 'cat17 is on the mat',
  'the number 1234567890123456789 is not the cat', 'I went to New Kalia', 'We met in Rome with Anna .', 'Old new OLD']
const prompts = ['the', 'the cat is on the mat, caf', 'hen', 'e', 'fen, cafe\u0301.']

const int32 = (data, ...dims) => new Tensor('int32', Int32Array.from(data), dims)
const lines = text => text.trim().split('\n').map(line => JSON.parse(line))
let numbers = 0, wrong = 0, worst = 0

function same(what, got, want) {
  numbers++
  if (JSON.stringify(got) === JSON.stringify(want)) return
  wrong++
  console.log(`WRONG ${what}: ${JSON.stringify(got)}, unroll has ${JSON.stringify(want)}`)
}

function near(what, got, want) {
  const miss = Math.abs(got - want) / Math.max(1, Math.abs(want))
  worst = Math.max(worst, miss)
  same(what, miss <= 1e-5 ? want : got, want)
}

// rowsOf are rows of tokens with padding behind them.
function rowsOf(rows) {
  const most = Math.max(1, ...rows.map(row => row.length))
  const data = rows.flatMap(row => [...row, ...Array(most - row.length).fill(0)])
  return { tokens: int32(data, rows.length, most), lengths: int32(rows.map(row => row.length), rows.length), most }
}

// run is an exported run: its model, its vocabularies, and the command that answers.
class Run {
  constructor(name) {
    this.name = name
    this.config = readFileSync(`${work}/runs/${name}/config.yaml`, 'utf8')
  }

  model(part = '') {
    return InferenceSession.create(`${work}/runs/${this.name}${part}.onnx`, { intraOpNumThreads: 1 })
  }

  file(name) { return JSON.parse(readFileSync(`${work}/runs/${this.name}/${name}.json`)) }
  setting(key) { return new RegExp(`^ *${key}: (.*)`, 'm').exec(this.config)?.[1] }

  answers(command, input, ...flags) {
    const [program, first, more] = this.name.endsWith('-own') ? ['./own', 'answer', flags.filter(x => typeof x === 'number')]
      : ['./unroll', command, ['--json', '--threads', '1', ...flags]]
    const options = { cwd: work, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] }
    return lines(execFileSync(program, [first, `runs/${this.name}`, ...more.map(String)], options))
  }
}

const compare = {
  async lm(run, model) {
    const vocab = new Vocab(run.file('vocab'))
    const [n, , hidden] = model.inputMetadata.find(x => x.name === 'states').shape
    for (const prompt of prompts) {
      let read = vocab.encode(prompt).tokens, states = new Tensor('float32', new Float32Array(n * hidden), [n, 1, hidden])
      const decode = vocab.decoder()
      read.forEach(decode)
      let text = ''
      for (let i = 0; i < 40; i++) {
        const out = await model.run({ tokens: int32(read, 1, read.length), lengths: int32([read.length], 1), states })
        const logits = out.logits.data.slice(-vocab.names.length).fill(-Infinity, 0, vocab.special) // of these none is written
        read = [logits.indexOf(Math.max(...logits))]
        text += decode(read[0])
        states = out.next_states
      }
      const flags = ['--temperature', '0', '--length', '40', '--prompt', prompt]
      same(`${run.name}, ${prompt}`, text, run.answers('sample', prompt + '\n', ...flags)[0].text)
    }
  },

  async translate(run, model) {
    const vocab = new Vocab(run.file('vocab')), target = new Vocab(run.file('target-vocab'))
    const want = run.answers('translate', texts.join('\n') + '\n')
    const { tokens } = rowsOf(texts.map(text => [...vocab.encode(trimmed(text)).tokens, 3]))
    const out = await model.run({ source: tokens, max_steps: int32([200]) }), steps = out.tokens.dims[1]
    want.forEach(({ translations: [t] }, i) => {
      const text = target.decode(out.tokens.data.slice(i * steps, (i + 1) * steps))
      same(`${run.name}, ${texts[i]}`, t.finished ? text : text.slice(0, t.text.length), t.text) // unroll stops earlier
      if (t.finished) near(`${run.name}, ln p of ${texts[i]}`, out.log_prob.data[i], t.log_prob)
    })
    const parts = { Tensor, encoder: await run.model('.encoder'), step: await run.model('.step') }
    const how = { width: 4, most: 30, length: 0.6, coverage: out.attention ? 0.2 : 0 }
    const found = run.answers('translate', texts.join('\n') + '\n', '--beam', how.width, '--max-length', how.most,
      '--coverage-penalty', how.coverage)
    for (const [i, { translations: [t] }] of found.entries()) {
      const got = await search(parts, [...vocab.encode(trimmed(texts[i])).tokens, 3], how)
      same(`${run.name}, beam, ${texts[i]}`, target.decode(got.tokens), t.text)
      near(`${run.name}, beam, ln p of ${texts[i]}`, got.logProb, t.log_prob)
    }
  },

  async classify(run, model) {
    const vocab = new Vocab(run.file('vocab')), { labels } = run.file('labels')
    const want = run.answers('classify', texts.join('\n') + '\n', '--top', '2')
    const longest = Number(run.setting('longest'))
    const { tokens, lengths } = rowsOf(texts.map(text => vocab.encode(trimmed(text)).tokens.slice(0, longest)))
    const out = await model.run({ tokens, lengths })
    want.forEach((w, i) => w.labels.forEach(({ label, probability }) =>
      near(`${run.name}, ${texts[i]}`, out.probabilities.data[2 * i + labels.indexOf(label)], probability)))
  },

  async tag(run, model) {
    const vocab = new Vocab(run.file('vocab')), chars = new Vocab(run.file('chars')), { labels } = run.file('labels')
    const sentences = texts.map(text => [...wordsIn(text)]), different = [...new Set(sentences.flat())]
    const input = run.name.endsWith('-own') ? sentences.map(words => words.join(' ') + '\n')
      : sentences.map(words => words.join('\n') + '\n\n')
    const want = run.answers('tag', input.join(''))
    const letters = Number(run.setting('letters')), lower = run.setting('lower') === 'true'
    const { tokens: words, lengths, most } = rowsOf(sentences.map(all =>
      all.map(word => vocab.encode(lower ? lowered(word) : word).tokens[0])))
    const { tokens: which } = rowsOf(sentences.map(all => all.map(word => different.indexOf(word))))
    const spelled = rowsOf(different.map(word => {
      const all = chars.encode(word).tokens, front = Math.ceil(letters / 2)
      return all.length > letters ? [...all.slice(0, front), ...all.slice(all.length - letters + front)] : all
    }))
    const out = await model.run({ words, lengths, which, chars: spelled.tokens, char_lengths: spelled.lengths })
    want.forEach(({ tags }, i) => same(`${run.name}, ${texts[i]}`, sentences[i].map((_, t) => labels[out.tags.data[i * most + t]]), tags))
  },
}

const names = readdirSync(`${work}/runs`).filter(name => !name.includes('.')).sort()
for (const name of names) {
  const run = new Run(name)
  await compare[name.split('-')[0]](run, await run.model())
}
console.log(`${names.length} runs answer in onnxruntime what unroll answers: ${numbers} comparisons, ${wrong} wrong, ` +
  `numbers to ${worst.toExponential(1)}`)
process.exit(wrong || !numbers ? 1 : 0)
