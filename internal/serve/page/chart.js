// Line charts.

import {el, number, svg} from "./dom.js";

const left = 58, right = 8, top = 8, bottom = 24;

// widthNow is how wide a chart is drawn: as on the screen, so that its letters are as large there.
const widthNow = () => Math.max(280, Math.min(640, innerWidth - 32));

// ticks are round numbers between two.
function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough);
  const all = [];
  for (let t = Math.ceil(low / step); t * step <= high + step * 1e-9; t++) all.push(t * step);
  return all;
}

const finite = ([x, y]) => Number.isFinite(x) && Number.isFinite(y);

// drawn is what charts show, so that they can be drawn again.
const drawn = new WeakMap();

// redraw draws all charts again, for a window that has another width.
export function redraw() {
  for (const figure of document.querySelectorAll("figure")) figure.replaceWith(chart(drawn.get(figure)));
}

// chart draws lines. Each has a name, points [x, y] and, for a band, a third coordinate: its upper end.
// say is what the picture shows, in words; mark is where a vertical line stands.
export function chart(shown) {
  const figure = draw(shown);
  drawn.set(figure, shown);
  return figure;
}

function draw({title, lines, height = 220, logarithmic = false, say, mark, what = "step"}) {
  const width = widthNow();
  lines = lines.map(line => ({...line, points: line.points.filter(finite).filter(p => !logarithmic || p[1] > 0)}));
  const xs = lines.flatMap(l => l.points.map(p => p[0]));
  const ys = lines.flatMap(l => l.points.flatMap(p => p.slice(1)));
  const caption = el("figcaption", {}, el("b", {}, title),
    ...lines.filter(l => l.name).map(l => el("span", {class: "key " + (l.kind ?? "")}, l.name)));
  if (xs.length === 0) return el("figure", {}, caption, el("p", {class: "faint"}, "Nothing is measured yet."));

  const to = y => logarithmic ? Math.log10(y) : y;
  let [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = [Math.min(...ys.map(to)), Math.max(...ys.map(to))];
  if (x0 === x1) x1 = x0 + 1;
  if (y0 === y1) [y0, y1] = [y0 - Math.abs(y0) * 0.1 - 1e-9, y1 + Math.abs(y1) * 0.1 + 1e-9];
  if (!logarithmic && y0 > 0 && y0 < y1 / 3) y0 = 0;
  const px = x => left + (x - x0) / (x1 - x0) * (width - left - right);
  const py = y => height - bottom - (to(y) - y0) / (y1 - y0) * (height - top - bottom);

  const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title + ": " + say});
  for (const y of ticks(y0, y1, 4).map(t => logarithmic ? 10 ** t : t)) {
    picture.append(svg("line", {class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y)}),
      svg("text", {x: left - 6, y: py(y) + 4, "text-anchor": "end"}, number(y, 3)));
  }
  for (const x of ticks(x0, x1, width / 110).filter(Number.isInteger)) {
    picture.append(svg("text", {x: px(x), y: height - 6, "text-anchor": "middle"}, x.toLocaleString("en")));
  }
  if (mark !== undefined) picture.append(svg("line", {class: "cursor", x1: px(mark), x2: px(mark), y1: top, y2: height - bottom}));
  for (const line of lines) {
    if (line.kind === "third") {
      const upper = line.points.map(p => `${px(p[0])},${py(p[2])}`);
      const lower = line.points.map(p => `${px(p[0])},${py(p[1])}`).reverse();
      picture.append(svg("polygon", {class: "band", points: [...upper, ...lower].join(" ")}));
      continue;
    }
    picture.append(svg("polyline", {class: line.kind ?? "first", points: line.points.map(p => `${px(p[0])},${py(p[1])}`).join(" ")}));
    if (line.dots) picture.append(...line.points.map(p => svg("circle", {class: "dot", cx: px(p[0]), cy: py(p[1]), r: 3})));
  }
  const readout = el("p", {class: "faint readout"}, say);
  picture.append(pointer(picture, lines, {px, x0, x1, width}, height, readout, say, what));
  return el("figure", {}, caption, picture, readout);
}

// pointer shows the numbers under the pointer.
function pointer(picture, lines, {px, x0, x1, width}, height, readout, say, what) {
  const cursor = svg("line", {class: "cursor", y1: top, y2: height - bottom, visibility: "hidden"});
  picture.addEventListener("pointermove", event => {
    const box = picture.getBoundingClientRect();
    const at = x0 + ((event.clientX - box.left) / box.width * width - left) / (width - left - right) * (x1 - x0);
    const near = lines.filter(l => l.points.length).map(l => {
      const p = l.points.reduce((a, b) => Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a);
      return [l.name, p];
    });
    if (!near.length) return;
    const x = near[0][1][0];
    cursor.setAttribute("x1", px(x));
    cursor.setAttribute("x2", px(x));
    cursor.setAttribute("visibility", "visible");
    readout.textContent = near.map(([name, p]) => `${name || "value"} ${p.slice(1).map(y => number(y)).join(" to ")} (${what} ${p[0].toLocaleString("en")})`).join(", ");
  });
  picture.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.textContent = say;
  });
  return cursor;
}
