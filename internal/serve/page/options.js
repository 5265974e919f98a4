// The options of a request, as the description of the API has them.

import {el} from "./dom.js";

// What the page asks for where the API has another default: it shows what else the model considered.
const wished = {beam: 5, n_best: 5, attention: true, probabilities: true, length: 300};
const left = new Set(["session"]); // the page has its own way

const words = name => name.replaceAll("_", " ").replace(/^n best$/, "alternatives").replace(/^top ([kp])$/, (_, x) => "top-" + x);

// optionsForm makes the fields for the options of a model, and gives a function that reads them.
export function optionsForm(box, model, schema) {
  const fields = model.options.filter(name => !left.has(name)).map(name => field(name, model, schema[name]));
  box.replaceChildren(...fields.map(f => f.shown));
  return () => Object.assign({}, ...fields.map(f => f.read()));
}

function field(name, model, {type, description, minimum, maximum}) {
  const id = "option-" + name;
  const first = description.replace(/ For: .*$/, "");
  let value = model.task === "lm" && name === "probabilities" ? false : wished[name];
  if (name === "attention" && !model.attention) value = false;
  const label = el("label", {for: id}, words(name)), small = el("small", {id: id + "-help"}, first);
  if (type === "boolean") {
    const input = el("input", {id, type: "checkbox", checked: value === true, "aria-describedby": id + "-help"});
    return {shown: el("div", {class: "option"}, el("span", {class: "check"}, input, " ", label), small),
      read: () => input.checked ? {[name]: true} : {}};
  }
  const list = type === "array";
  const input = el("input", {id, type: list ? "text" : "number", min: minimum, max: maximum, step: type === "integer" ? 1 : "any",
    value, "aria-describedby": id + "-help", placeholder: list ? "0.1 0.9" : undefined});
  const read = () => {
    if (input.value.trim() === "") return {};
    return {[name]: list ? input.value.trim().split(/[\s,;]+/).map(Number) : Number(input.value)};
  };
  return {shown: el("div", {class: "option"}, label, input, small), read};
}
