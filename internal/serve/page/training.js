// The curves of a training, which follow its log.

import {events} from "./api.js";
import {chart} from "./chart.js";
import {byId, el, number, scrolled} from "./dom.js";

const measures = [
  ["accuracy", "accuracy"], ["exact_match", "exactly right"], ["bleu", "BLEU"], ["chrf", "chrF"], ["perplexity", "perplexity"],
  ["macro_f1", "macro F1"], ["span_f1", "F1 of spans"], ["rmse", "RMSE"], ["mae", "MAE"], ["smape", "sMAPE"], ["mase", "MASE"], ["owa", "OWA"],
];
const parts = new Set(["accuracy", "exact_match", "macro_f1", "span_f1"]); // are shown as percent
const mostPoints = 2000;

let all, following, followed;

// follow shows the training of a model until another is followed. shown is called whenever it was drawn.
export async function follow(model, shown) {
  followed = [model, shown];
  following?.abort();
  const mine = following = new AbortController();
  all = {points: [], validations: [], state: undefined};
  for (;;) {
    try {
      for await (const [name, data] of events(`v1/models/${encodeURIComponent(model)}/log`, undefined, mine.signal)) {
        if (name === "history") all = data;
        else if (name === "more") add(data);
        show();
        shown();
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      byId("state").textContent = error.message;
    }
    if (mine.signal.aborted) return;
    await new Promise(done => setTimeout(done, 3000));
  }
}

// A browser has few connections to a server for all its tabs: those that nobody sees give theirs back.
addEventListener("pagehide", () => following?.abort());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) following?.abort();
  else if (followed) follow(...followed);
});

function add(more) {
  all.points.push(...more.points);
  all.validations.push(...more.validations);
  all.state = more.state ?? (more.points.length ? undefined : all.state);
  while (all.points.length > mostPoints) all.points = all.points.filter((_, i) => i % 2 || i > all.points.length - 100);
}

// stateWords says what the training does.
function stateWords() {
  const last = all.points.at(-1);
  if (!last && !all.validations.length) return "The training has not begun.";
  const at = `step ${(last?.step ?? all.validations.at(-1).step).toLocaleString("en")}`;
  switch (all.state?.event) {
    case "done": return `The training is done, after ${at}.`;
    case "stopped": return `The training was stopped after ${at}.`;
    case "diverged": return `The training diverged after ${at}.`;
  }
  return `At ${at}.`;
}

// show draws what there is.
export function show() {
  if (!all) return;
  byId("training").hidden = false;
  byId("state").textContent = stateWords();
  const points = all.points.map(p => [p.step, Number(p.loss)]);
  const valid = all.validations.map(v => [v.step, Number(v.valid_loss)]);
  const logarithmic = byId("logarithmic").checked;
  const last = (name, ps) => ps.length ? `${name} ${number(ps.at(-1)[1])}` : "";
  const say = [last("training loss", points), last("validation loss", valid)].filter(Boolean).join(", ");
  byId("loss").replaceChildren(chart({
    title: "Loss", say: say && "Newest: " + say, logarithmic,
    lines: [{name: "training", points}, {name: "validation", kind: "second", dots: true, points: valid}],
  }));
  const rates = all.points.map(p => [p.step, Number(p.lr)]);
  byId("rate").replaceChildren(chart({
    title: "Learning rate", height: 110, say: rates.length ? "Newest: " + number(rates.at(-1)[1]) : "", lines: [{points: rates}],
  }));
  byId("validations").replaceChildren(validations());
  byId("samples").replaceChildren(samples());
}

// validations is a table of the measures.
function validations() {
  if (!all.validations.length) return el("p", {class: "faint"}, "It was not validated yet.");
  const have = measures.filter(([name]) => all.validations.some(v => name in v)).slice(0, 4);
  const cell = (v, name) => v[name] === undefined ? "" : parts.has(name) ? (100 * v[name]).toFixed(1) + "%" : number(v[name]);
  const rows = all.validations.slice(-8).reverse();
  return el("div", {}, el("h3", {}, "Validations"), scrolled("Validations",
    el("table", {class: "plain"},
      el("thead", {}, el("tr", {}, ...["step", "loss", ...have.map(m => m[1])].map(name => el("th", {scope: "col"}, name)))),
      el("tbody", {}, ...rows.map(v => el("tr", {}, el("td", {}, v.step.toLocaleString("en")), el("td", {}, number(v.valid_loss)),
        ...have.map(([name]) => el("td", {}, cell(v, name)))))))));
}

// samples are those of the newest validation that has some.
function samples() {
  const from = all.validations.findLast(v => v.samples?.length);
  if (!from) return "";
  return el("div", {}, el("h3", {}, `Samples after step ${from.step.toLocaleString("en")}`), el("ul", {class: "samples"}, ...from.samples.map(s => {
    const [kind, words] = verdict(s);
    return el("li", {class: kind, dir: "auto", "data-input": s.input},
      s.input ? el("small", {}, s.input + "\n") : "", s.output, words ? el("small", {}, "  " + words) : "");
  })));
}

// verdict is how a sample is marked, and what is said of it. Of numbers none is quite right, and none wrong.
function verdict(s) {
  if (s.wanted === undefined) return ["", ""];
  if (s.numbers) return ["", "it is " + s.wanted];
  return s.wanted === s.output ? ["is-right", "right"] : ["is-wrong", "wrong, it is " + s.wanted];
}
