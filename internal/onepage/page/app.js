// The page: computes the model that is in it, and shows what it answers.

const settings = JSON.parse(byId("settings").textContent);
const vocabs = Object.fromEntries(["vocab", "target-vocab", "chars"].filter(name => settings.files[name + ".json"])
  .map(name => [name, new Vocab(settings.files[name + ".json"])]));
const classes = settings.files["labels.json"]?.labels;

const columns = settings.files["columns.json"];
const names = columns ? [...columns.targets, ...(columns.known ?? []).map(k => k.name)]
  : Array.from({length: settings.series?.channels ?? 0}, (_, i) => `channel ${i + 1}`);

const kinds = {
  seq2seq: {
    title: "Translate", label: "Text to translate", hint: "Each line is translated.",
    read: linesOf, answer: translateLine,
  },
  classify: {
    title: "Classify", label: "Text to classify", hint: "Each line is classified.",
    read: linesOf, answer: classifyLine,
  },
  tag: {
    title: "Tag", label: "Sentence to tag", hint: "Each line is a sentence; white space stands between words.",
    read: linesOf, answer: tagLine,
  },
  lm: {title: "Continue", label: "Text to go on from", hint: "It may be empty. The likeliest token is written each time."},
  series: {title: "Classify", label: "Series of numbers", hint: seriesHint(), read: seriesOf, answer: classifySeries},
  images: {title: "Classify", read: imagesOf, answer: classifyImage},
  regress: {title: "Predict", label: "Series of numbers", hint: seriesHint(), read: seriesOf, answer: predictNumber},
  forecast: {title: "Forecast", label: "Values of a series", hint: seriesHint(), read: seriesOf, answer: follow},
};
const reads = settings.columns ? "images" : settings.series ? "series" : "texts";
const kind = settings.task === "classify" && kinds[reads] || kinds[settings.task];
let session, int32, float32;

// bytes are what an element holds: base64 of gzip.
async function bytes(id) {
  const packed = Uint8Array.from(atob(byId(id).textContent), c => c.charCodeAt(0));
  byId(id).remove();
  return new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

async function load() {
  const ort = await import(URL.createObjectURL(new Blob([await bytes("runtime")], {type: "text/javascript"})));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await bytes("wasm");
  session = await ort.InferenceSession.create(await bytes("onnx"));
  int32 = (data, ...dims) => new ort.Tensor("int32", Int32Array.from(data), dims);
  float32 = (data, ...dims) => new ort.Tensor("float32", data, dims);
  byId("about").textContent = settings.about;
  byId("go").disabled = false;
}

// lineOf is the text of a line, as the command reads it: of a line with tabs one column.
function lineOf(line) {
  const cells = line.split("\t");
  if (!settings.column || cells.length === 1) return trimmed(line);
  if (cells.length < settings.column) throw new Error(`The text of a line with tabs is column ${settings.column}, as in the training data.`);
  return trimmed(cells[settings.column - 1]);
}

function linesOf(text) {
  const lines = text.split("\n").filter(line => !blank(line));
  if (!lines.length) throw new Error("Write something into the box first.");
  return lines;
}

function seriesOf(text) {
  const all = seriesIn(text, names);
  if (!all.length) throw new Error("Write numbers into the box first, or choose a file.");
  return all;
}

function seriesHint() {
  const one = "Numbers, with commas, tabs or spaces between: a line is a series, or each number has a line.";
  const several = `A row for each step, with ${names.length} numbers: ${names.join(", ")}. Empty lines stand between series.`;
  const hints = [names.length > 1 ? several : one, "A missing number is an empty cell or a question mark."];
  if (columns?.known) {
    const known = columns.known.map(k => k.name).join(", ");
    hints.push(`After the last value, ${settings.forecast.horizon} rows more have only ${known}.`);
  }
  if (columns?.calendar) hints.push(timeHint);
  return hints.join(" ");
}

async function translateLine(written) {
  const line = lineOf(written);
  if (blank(line)) return {text: "", finished: true};
  const {tokens: source, lacks} = vocabs.vocab.encode(line);
  source.push(endToken);
  const out = await session.run({source: int32(source, 1, source.length), max_steps: int32([longest(source.length)])});
  const all = [...out.tokens.data], target = vocabs["target-vocab"];
  const answer = {text: target.decode(all), finished: all.includes(endToken), unknown: lacks.length};
  if (out.attention) {
    const n = source.length;
    answer.attention = {
      source: source.map(t => vocabs.vocab.shown(t)), target: all.map(t => target.shown(t)),
      weights: all.map((_, i) => Array.from(out.attention.data.slice(i * n, (i + 1) * n))),
    };
  }
  return answer;
}

// longest is the most tokens of a translation: see models/decode/lengths.go.
function longest(source) {
  if (settings.maxLength) return settings.maxLength;
  const {mean, deviation, longest} = settings.lengths;
  let most = source * (mean + 2 * deviation);
  const at = longest.findLast(r => r.source <= source) ?? longest[0];
  most = Math.max(most, at.target);
  return Math.ceil(1.25 * most);
}

async function classifyLine(written) {
  const line = lineOf(written);
  if (blank(line)) return {};
  const {tokens: all, lacks} = vocabs.vocab.encode(line);
  const read = all.slice(0, settings.longest || all.length);
  const n = read.length || 1; // the runtime needs a step; the length says that there is none
  const out = await session.run({tokens: int32(read.length ? read : [0], 1, n), lengths: int32([read.length], 1)});
  return {...labelsOf(out), unknown: lacks.length};
}

// labelsOf are the likeliest labels of what was read.
function labelsOf(out) {
  const labels = Array.from(out.probabilities.data, (p, i) => ({label: classes[i], probability: p}))
    .sort((a, b) => b.probability - a.probability).slice(0, 10);
  return {...labels[0], labels};
}

// readVectors computes a model that reads vectors.
const readVectors = ({data, steps}) => session.run({
  vectors: float32(data, 1, steps, data.length / steps), lengths: int32([steps], 1),
});

// readSeries computes a model that reads series, which end with a value.
function readSeries(series) {
  const [, end] = valued(series.columns);
  if (end === 0) throw new Error("There is no value.");
  return readVectors(vectorsOf(series.columns.map(column => column.slice(0, end))));
}

async function classifySeries(series) {
  return labelsOf(await readSeries(series));
}

async function predictNumber(series) {
  return {values: [(await readSeries(series)).number.data[0]]};
}

async function classifyImage(image) {
  return {...labelsOf(await readVectors(image)), picture: image.picture};
}

// follow forecasts what follows a series.
async function follow(series) {
  const {horizon, quantiles = []} = settings.forecast, levels = quantiles.length;
  const {past, covariates} = forecasterInputs(series, columns, settings.forecast);
  const n = past[0].length, m = past.length;
  const feeds = {values: float32(byRow(past), 1, n, m), lengths: int32([n], 1)};
  if (covariates.length) feeds.known = float32(byRow(covariates), 1, n + horizon, covariates.length);
  if (choices.length) feeds.static = int32(choices.map((_, i) => byId("category" + i).value), 1, choices.length);
  const out = await session.run(feeds), steps = [...Array(horizon).keys()];
  const [first, ...more] = columns.targets.map((target, k) => ({
    target, values: steps.map(h => out.forecast.data[h * m + k]),
    quantiles: quantiles.map((p, i) => ({p, values: steps.map(h => out.quantiles.data[(h * m + k) * levels + i])})),
  }));
  return {...first, more, past};
}

async function tagLine(line) {
  const words = wordsIn(line).map(trimmed).filter(Boolean); // as the command reads a word a line
  if (!words.length) return {words: [], tags: []};
  const numberOf = word => {
    const {tokens} = vocabs.vocab.encode(settings.lower ? lowered(word) : word);
    return tokens.length === 1 ? tokens[0] : unknownToken;
  };
  const feeds = {words: int32(words.map(numberOf), 1, words.length), lengths: int32([words.length], 1)};
  if (vocabs.chars) Object.assign(feeds, spelled(words));
  const out = await session.run(feeds);
  return {words, tags: Array.from(out.tags.data, t => classes[t])};
}

// spelled are the characters of words; of long words both ends.
function spelled(words) {
  const most = settings.letters, all = words.map(word => {
    const {tokens} = vocabs.chars.encode(word);
    const first = Math.ceil(most / 2);
    return tokens.length > most ? [...tokens.slice(0, first), ...tokens.slice(tokens.length - (most - first))] : tokens;
  });
  const letters = Math.max(1, ...all.map(x => x.length));
  return {
    which: int32(words.map((_, i) => i), 1, words.length),
    chars: int32(all.flatMap(x => [...x, ...Array(letters - x.length).fill(0)]), words.length, letters),
    char_lengths: int32(all.map(x => x.length), words.length),
  };
}

// writeOn goes on from a prompt, token by token.
async function writeOn(prompt, length) {
  const vocab = vocabs.vocab, {tokens, lacks} = vocab.encode(prompt);
  if (lacks.length && !vocab.special) throw new Error(`The model does not know the character ${JSON.stringify(lacks[0])}.`);
  const decode = vocab.decoder();
  const given = tokens.map(t => decode(t)).join("");
  const text = document.createTextNode("");
  byId("result").replaceChildren(el("h3", {}, "Text"), el("div",
    {class: "answer long", id: "answer", dir: "auto", tabindex: 0, role: "region", "aria-label": "Text"}, el("span", {class: "given"}, given), text));
  const [n, hidden] = settings.states;
  let read = tokens.length ? tokens : [vocab.numbers.get("\n") ?? vocab.special];
  let states = float32(new Float32Array(n * hidden), n, 1, hidden);
  for (let i = 0; i < length; i++) {
    const out = await session.run({tokens: int32(read, 1, read.length), lengths: int32([read.length], 1), states});
    const last = out.logits.data.subarray(-vocab.names.length);
    let best = vocab.special;
    for (let t = best; t < last.length; t++) if (last[t] > last[best]) best = t;
    text.appendData(decode(best));
    [read, states] = [[best], out.next_states];
    if (i % 20 === 19) await new Promise(requestAnimationFrame); // the page is drawn
  }
}

function problem(error) {
  byId("problem").hidden = !error;
  byId("problem").textContent = error?.message ?? "";
}

async function send(event) {
  event.preventDefault();
  problem();
  byId("go").disabled = true;
  try {
    const box = byId("input").value;
    if (settings.task === "lm") await writeOn(box, byId("length").valueAsNumber || 0);
    else {
      const shown = [];
      for (const asked of await kind.read(box)) {
        const answer = await kind.answer(asked);
        shown.push(...answer.picture ? [answer.picture] : [], result(settings.task, answer, answer.past ?? asked));
      }
      byId("result").replaceChildren(...shown);
    }
  } catch (error) {
    problem(error);
  }
  byId("go").disabled = false;
}

// choices are a list for each static feature of a forecaster.
const choices = (columns?.static ?? []).map(({name, values}, i) => {
  const options = ["(another)", ...values].map((value, k) => el("option", {value: k - 1}, value));
  return el("div", {}, el("label", {for: "category" + i}, name), " ", el("select", {id: "category" + i}, ...options));
});

byId("try-title").textContent = byId("go").textContent = kind.title;
byId("text").hidden = !kind.label;
byId("input-label").textContent = kind.label ?? "";
byId("hint").textContent = kind.hint ?? "";
byId("how-long").hidden = settings.task !== "lm";
byId("choices").append(...choices);
byId("choices").hidden = !choices.length;
byId("numbers").hidden = kind.read !== seriesOf;
byId("images").hidden = kind.read !== imagesOf;
byId("images-hint").textContent = `An image is made gray and ${settings.columns} pixels wide. Its strokes must be as ` +
  "light or as dark as those in the images that were learned.";
byId("numbers-file").addEventListener("change", async event => {
  const [file] = event.target.files;
  if (file) byId("input").value = await file.text();
});
byId("ask").addEventListener("submit", send);
byId("input").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});
addEventListener("resize", redraw);
load().catch(error => {
  byId("about").textContent = "";
  problem(new Error("This browser cannot compute the model: " + error.message));
});
