// Elements of the page.

// byId is the element of an id.
export const byId = id => document.getElementById(id);

// el makes an element. Properties that begin with "--" are of its style, those of "on" are listeners, others attributes.
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

// svg is el for pictures.
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(x, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("--")) x.style.setProperty(name, value);
    else if (name === "on") for (const [event, f] of Object.entries(value)) x.addEventListener(event, f);
    else x.setAttribute(name, value === true ? "" : value);
  }
  x.append(...children.filter(child => child !== undefined && child !== null));
  return x;
}

// scrolled is what may be wider than its place: keys scroll it, too.
export const scrolled = (label, child) => el("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label}, child);

// number is a number in few digits; the server writes those that are not finite as texts.
export function number(x, digits = 4) {
  x = Number(x);
  if (!Number.isFinite(x)) return String(x);
  if (x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e6)) return x.toExponential(2);
  return String(Number(x.toPrecision(digits)));
}

// percent is a probability.
export const percent = p => p >= 0.9995 ? "100%" : (100 * p).toPrecision(p < 0.1 ? 2 : 3) + "%";
