// What models answer, task by task.

import {chart} from "./chart.js";
import {el, number, percent, scrolled} from "./dom.js";

// result shows an output of a task.
export function result(task, out, asked) {
  const show = {seq2seq: translation, classify: labels, tag: tags, regress: value, forecast}[task];
  const unknown = out.unknown ? el("p", {class: "faint"}, `The model does not know ${out.unknown} of the ${task === "tag" ? "words" : "tokens"} that you wrote.`) : "";
  return el("div", {}, ...show(out, asked), unknown);
}

function translation(out) {
  const parts = [el("h3", {}, "Translation"), el("p", {class: "answer", id: "answer", dir: "auto"}, out.text || "(nothing)")];
  if (!out.finished) parts.push(el("p", {class: "faint"}, "It was cut at its greatest length."));
  if (out.tokens) parts.push(tokens(out.tokens));
  if (out.alternatives?.length > 1) {
    parts.push(el("h3", {}, "Alternatives"), el("ol", {class: "best"}, ...out.alternatives.map(a =>
      el("li", {dir: "auto"}, a.text || "(nothing)", " ", el("small", {}, percent(Math.exp(a.log_prob)))))));
  }
  if (out.attention) parts.push(...heatMap(out.attention));
  return parts;
}

// tokens shows how sure the model was of each token.
export function tokens(all) {
  return el("div", {}, el("h3", {}, "Probability of each token"), el("ol", {class: "tokens"}, ...all.map(t =>
    el("li", {}, el("b", {}, visible(t.text)), el("i", {"--p": t.probability}), el("small", {}, percent(t.probability))))));
}

// visible is a token in which white space can be seen.
const visible = text => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");

// heatMap is a table of where the attention looked. Arrow keys move in it.
function heatMap({source, target, weights}) {
  const readout = el("p", {class: "faint readout", role: "status"}, "Choose a square for its number; arrow keys move.");
  const cells = weights.map((row, i) => row.map((w, k) => el("td", {
    "--w": w, tabindex: i + k ? -1 : 0, "aria-label": `${target[i]} looks at ${source[k]}: ${Number(w).toFixed(3)}`,
    on: {focus: event => say(event.target), pointerenter: event => say(event.target), keydown: event => move(event, i, k)},
  })));
  const say = cell => { readout.textContent = cell.getAttribute("aria-label"); };
  const move = (event, i, k) => {
    const by = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    const next = by && cells[i + by[0]]?.[k + by[1]];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
  const words = source.some(name => [...name].length > 2);
  return [el("h3", {}, "Where the attention looked"),
    el("p", {class: "faint"}, "Your text is read across, what was written down: a row shows how much each token counted. ■ is the end."),
    el("div", {class: "scroll"}, el("table", {class: words ? "heat words" : "heat"},
      el("thead", {}, el("tr", {}, el("td", {class: "corner"}), ...source.map(name => el("th", {scope: "col"}, name)))),
      el("tbody", {}, ...cells.map((row, i) => el("tr", {}, el("th", {scope: "row"}, target[i]), ...row))))), readout];
}

function labels(out) {
  if (!out.label) return [el("p", {class: "answer"}, "Nothing to read.")];
  return [el("h3", {}, "Label"), el("p", {class: "answer", id: "answer"}, out.label),
    el("table", {class: "bars"}, el("caption", {class: "faint"}, "The likeliest labels"), el("tbody", {}, ...out.labels.map(l =>
      el("tr", {}, el("th", {scope: "row"}, l.label), el("td", {class: "bar"}, el("i", {"--p": l.probability})),
        el("td", {class: "number"}, percent(l.probability))))))];
}

function tags(out) {
  const plain = mostCommon(out.tags ?? []);
  return [el("h3", {}, "Tags"), el("ol", {class: "tokens tags", id: "answer"}, ...(out.words ?? []).map((word, i) =>
    el("li", {class: out.tags[i] === plain ? "" : "tagged"}, word, el("br"), el("small", {}, out.tags[i]))))];
}

// mostCommon is O if there is such a tag: words that are in no span are not marked.
const mostCommon = all => all.includes("O") ? "O" : undefined;

function value(out) {
  return [el("h3", {}, "Number"), el("p", {class: "answer", id: "answer"}, number(out.values[0], 6))];
}

function forecast(out, asked) {
  return [out, ...(out.more ?? [])].flatMap((f, column) => {
    const past = (Array.isArray(asked[0]) ? asked[column] : asked).map((y, t) => [t + 1, y ?? NaN]);
    const n = past.length;
    const points = f.values.map((y, h) => [n + h + 1, Number(y)]);
    const lines = [{name: "given", points: past.slice(-Math.max(3 * points.length, 48))}];
    const q = f.quantiles ?? [];
    if (q.length > 1) {
      const [low, high] = [q[0], q.at(-1)];
      lines.unshift({name: `quantiles ${low.p} to ${high.p}`, kind: "third", points: points.map(([x], h) => [x, Number(low.values[h]), Number(high.values[h])])});
    }
    lines.push({name: "forecast", kind: "second", points});
    return [el("h3", {}, "Forecast" + (f.target ? " of " + f.target : "")),
      chart({title: "Values", lines, mark: n + 0.5, what: "value", say: `${points.length} values follow, from ${number(points[0][1])} to ${number(points.at(-1)[1])}`}),
      el("details", {}, el("summary", {}, "Numbers"), scrolled("Numbers", el("table", {class: "plain"},
        el("thead", {}, el("tr", {}, ...["value", "forecast", ...q.map(x => "quantile " + x.p)].map(name => el("th", {scope: "col"}, name)))),
        el("tbody", {id: column ? undefined : "answer"}, ...points.map(([x, y], h) => el("tr", {}, el("td", {}, "+" + (h + 1)), el("td", {}, number(y, 6)),
          ...q.map(k => el("td", {}, number(k.values[h], 6)))))))))];
  });
}
