// Beam search with the parts encoder and step of an exported translator: see models/decode/beam.go, which it follows.

const start = 2, end = 3

// search gives the best translation of a source, one row of tokens with the end token.
export async function search({ Tensor, encoder, step }, source, { width, most, length, coverage }) {
  const int32 = (data, ...dims) => new Tensor('int32', Int32Array.from(data), dims)
  const { states: first, ...seen } = await encoder.run({ source: int32(source, 1, source.length) })
  const memory = Object.fromEntries(Object.entries(seen).map(([name, x]) => [name, repeated(Tensor, x, 0, width)]))
  let states = repeated(Tensor, first, 1, width), live = [{ tokens: [], weights: [], logProb: 0, row: 0 }], ended = []

  const score = (h, n) => h.logProb / ((5 + n) / 6) ** length + (coverage && h.weights.length ? coverage * covered(h.weights) : 0)
  for (let n = 1; n <= most; n++) {
    const rows = Array.from({ length: width }, (_, k) => live[k] ?? live[0])
    const out = await step.run({
      ...memory, states, token: int32(rows.map(h => h.tokens.at(-1) ?? start), width), parent: int32(rows.map(h => h.row), width),
    })
    states = out.next_states
    const vocab = out.log_probs.dims[1]
    const all = live.flatMap((of, row) => Array.from(out.log_probs.data.subarray(row * vocab, (row + 1) * vocab),
      (p, token) => ({ of, row, token, logProb: of.logProb + p })))
    const next = []
    all.sort((a, b) => b.logProb - a.logProb).slice(0, 2 * width).forEach(({ of, row, token, logProb }, rank) => {
      const looked = out.attention?.data.slice(row * source.length, (row + 1) * source.length)
      const h = { tokens: [...of.tokens, token], weights: looked ? [...of.weights, looked] : [], logProb, row }
      if (token !== end && next.length < width) next.push(h)
      else if (token === end && rank < width) ended.push({ ...h, score: score(h, n) })
    })
    ended.sort((a, b) => b.score - a.score)
    const worst = ended[0]?.score
    const enough = worst !== undefined && (worst >= next[0]?.logProb / ((5 + most) / 6) ** length ||
      ended.length >= width && !next.some(h => score(h, n) > worst))
    if (!next.length || enough) return ended[0]
    live = next
  }
  return [...ended, ...live.map(h => ({ ...h, score: score(h, 1) }))].sort((a, b) => b.score - a.score)[0]
}

// repeated has the one element of an axis several times.
function repeated(Tensor, x, axis, times) {
  const dims = [...x.dims], inner = dims.slice(axis).reduce((a, b) => a * b, 1)
  dims[axis] = times
  const data = new x.data.constructor(x.data.length * times)
  for (let i = 0; i * inner < x.data.length; i++) {
    for (let k = 0; k < times; k++) data.set(x.data.subarray(i * inner, (i + 1) * inner), (i * times + k) * inner)
  }
  return new Tensor(x.type, data, dims)
}

// covered is Σ_s ln min(1, Σ_t weight_ts).
function covered(weights) {
  let sum = 0
  for (let s = 0; s < weights[0].length; s++) sum += Math.log(Math.min(1, weights.reduce((all, w) => all + w[s], 1e-10)))
  return sum
}
