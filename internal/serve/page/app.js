// The page: chooses a model, asks it, and shows what it answers.

import {NoToken, events, get, post, useToken} from "./api.js";
import {redraw} from "./chart.js";
import {byId, el} from "./dom.js";
import {optionsForm} from "./options.js";
import {result, tokens} from "./results.js";
import {follow, show} from "./training.js";

const tasks = {
  seq2seq: {name: "sequence to sequence", title: "Translate", input: "Text to translate", hint: "Each line is translated."},
  lm: {name: "language model", title: "Continue a text", button: "Continue", input: "Text to go on from", hint: "It may be empty."},
  classify: {name: "classifier", title: "Classify", input: "Text to classify", hint: "Each line is classified."},
  tag: {name: "tagger", title: "Tag", input: "Sentence to tag", hint: "Each line is a sentence; white space stands between words."},
  forecast: {name: "forecaster", title: "Forecast", input: "Values of a series"},
  regress: {name: "regressor", title: "Predict a number", button: "Predict", input: "Values of a series"},
};

let models = [], model, readOptions, session, stopping;

const problem = error => {
  byId("problem").hidden = !error;
  byId("problem").textContent = error?.message ?? "";
};

async function begin() {
  try {
    models = (await get("v1/models")).models;
    const schema = (await get("openapi.json")).components.schemas.request.properties;
    byId("token").hidden = true;
    byId("choose").hidden = models.length < 2;
    byId("model").replaceChildren(...models.map(m => el("option", {value: m.name}, m.name)));
    const wanted = decodeURIComponent(location.hash.slice(1));
    choose(models.find(m => m.name === wanted) ?? models[0], schema);
    byId("model").value = model.name;
    byId("model").onchange = event => choose(models.find(m => m.name === event.target.value), schema);
  } catch (error) {
    byId("about").textContent = error.message;
    byId("token").hidden = !(error instanceof NoToken);
  }
}

// choose shows another model.
function choose(chosen, schema) {
  model = chosen;
  session = undefined;
  history.replaceState(null, "", "#" + encodeURIComponent(model.name));
  document.title = model.name + " – unroll";
  const task = tasks[model.task];
  const series = model.reads === "series";
  byId("about").textContent = (models.length > 1 ? "" : model.name + ": ") + task.name + ", " + (model.ready ? `checkpoint of step ${model.step.toLocaleString("en")}` : "no checkpoint yet");
  byId("try").hidden = byId("training").hidden = false;
  byId("try-title").textContent = task.title;
  byId("go").textContent = task.button ?? task.title;
  byId("input-label").textContent = series ? "Values of a series" : task.input;
  byId("hint").textContent = series ? seriesHint() : task.hint;
  byId("input").value = "";
  byId("again").hidden = true;
  byId("result").replaceChildren();
  problem();
  readOptions = optionsForm(byId("options"), model, schema);
  byId("options").parentElement.hidden = !model.options.length;
  byId("samples").replaceChildren();
  const offer = () => { byId("example").hidden = example() === undefined; };
  byId("example").onclick = () => { byId("input").value = example(); byId("input").focus(); };
  offer();
  follow(model.name, offer);
}

function seriesHint() {
  const each = "Numbers with spaces or commas between; - where one is missing.";
  return model.channels > 1 ? `${each} A line for each of the ${model.channels} channels.` : each;
}

// example is an input to try; undefined if none is known.
function example() {
  if (model.reads === "series") {
    const line = k => Array.from({length: model.task === "forecast" ? Math.max(48, 2 * model.horizon) : 20},
      (_, t) => (10 + k + 5 * Math.sin(2 * Math.PI * t / 24 + k)).toFixed(2)).join(" ");
    return Array.from({length: model.channels || 1}, (_, k) => line(k)).join("\n");
  }
  return byId("samples").querySelector("[data-input]")?.dataset.input ?? {tag: "We went to Rome with Anna .", lm: "The "}[model.task];
}

// inputs are what the box has.
function inputs() {
  const text = byId("input").value;
  if (model.reads === "series") {
    const lines = text.split("\n").filter(line => line.trim()).map(line =>
      line.trim().split(/[\s,;]+/).map(x => x === "-" ? null : Number(x)));
    if (lines.flat().some(Number.isNaN)) throw new Error("That is not all numbers: write numbers with spaces or commas between.");
    return [model.channels > 1 ? lines : lines.flat()];
  }
  if (model.task === "lm") return [text];
  const lines = text.split("\n").filter(line => line.trim());
  if (!lines.length) throw new Error("Write something into the box first.");
  return lines;
}

async function send(event) {
  event?.preventDefault();
  problem();
  byId("go").disabled = true;
  byId("stop").hidden = model.task !== "lm";
  stopping = new AbortController();
  try {
    const body = {model: model.name, inputs: inputs(), ...readOptions()};
    if (model.task === "lm") await write(body);
    else {
      const answer = await post("v1/predict", body, stopping.signal);
      byId("result").replaceChildren(...answer.outputs.map((out, i) => result(model.task, out, body.inputs[i])));
    }
  } catch (error) {
    if (error.name !== "AbortError") problem(error);
  } finally {
    byId("go").disabled = false;
    byId("stop").hidden = true;
  }
}

// write streams a text, and goes on in the session that the text before has begun.
async function write(body) {
  const [prompt] = body.inputs;
  let box = byId("answer");
  if (!session || !box) {
    box = el("div", {class: "answer long", id: "answer", dir: "auto", tabindex: 0, role: "region", "aria-label": "Text"});
    byId("result").replaceChildren(el("h3", {}, "Text"), box, el("div", {id: "probable"}));
  }
  body.session = session ?? "new";
  byId("probable").replaceChildren();
  if (prompt) box.append(el("span", {class: "given"}, prompt));
  const text = box.appendChild(document.createTextNode(""));
  for await (const [name, data] of events("v1/predict", body, stopping.signal)) {
    if (name === "token") {
      text.appendData(data.text);
      box.scrollTop = box.scrollHeight;
    } else if (name === "output") {
      session = data.output.session;
      if (data.output.tokens) byId("probable").replaceChildren(tokens(data.output.tokens));
    } else if (name === "error") {
      throw new Error(data.error);
    }
  }
  byId("input").value = "";
  byId("hint").textContent = "Continue goes on where the text ended; what you write here is read first.";
  byId("again").hidden = false;
}

byId("ask").addEventListener("submit", send);
byId("input").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});
byId("again").addEventListener("click", () => {
  session = undefined;
  byId("result").replaceChildren();
  byId("again").hidden = true;
  byId("hint").textContent = tasks[model.task].hint;
  byId("input").focus();
});
byId("stop").addEventListener("click", () => stopping?.abort());
byId("logarithmic").addEventListener("change", show);
addEventListener("resize", redraw);
byId("token").addEventListener("submit", event => {
  event.preventDefault();
  useToken(byId("secret").value);
  begin();
});
begin();
