// Drives the page of unroll serve in a browser: for each model it types, presses, and compares what the page shows with
// what the API answers. Takes pictures, and looks for what axe finds wrong for people who cannot see or use a mouse.
//
//	node page.mjs URL PICTURES    where PICTURES is a folder
import {expect, faults, launch, look, watch} from "./browser.mjs";

const [url, pictures] = process.argv.slice(2);

async function predict(model, inputs, options = {}) {
  const answer = await fetch(url + "/v1/predict", {method: "POST", body: JSON.stringify({model, inputs, ...options})});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body.outputs;
}

const significant = (x, digits) => String(Number(Number(x).toPrecision(digits)));

// What is typed for each task, and what the page must show of the answer.
const tasks = {
  seq2seq: {
    text: "23rd of December, 2006",
    options: {beam: 5, n_best: 5},
    async check(page, model, out) {
      expect(model, await text(page, "#answer"), out.text || "(nothing)");
      expect(model + ", alternatives", await count(page, "ol.best li"), out.alternatives.length);
      const cells = await count(page, ".heat tbody td");
      const [attended] = await predict(model, [this.text], {...this.options, attention: true});
      expect(model + ", squares", cells, attended.attention.source.length * attended.attention.target.length);
      await page.focus('.heat tbody td[tabindex="0"]');
      await page.keyboard.press("ArrowRight");
      const w = Number(attended.attention.weights[0][1]).toFixed(3);
      expect(model + ", the second square", (await text(page, ".heat ~ .readout, .scroll + .readout")).endsWith(": " + w), true);
    },
  },
  classify: {
    text: "Runuini",
    async check(page, model, out) {
      expect(model, await text(page, "#answer"), out.label);
      expect(model + ", labels", await count(page, "table.bars tbody tr"), out.labels.length);
    },
  },
  tag: {
    text: "I went to New Kalia",
    async check(page, model, out) {
      const tags = await page.$$eval("#answer small", all => all.map(x => x.textContent));
      expect(model, tags, out.tags);
    },
  },
  regress: {
    async check(page, model, out) { expect(model, await text(page, "#answer"), significant(out.values[0], 6)); },
  },
  forecast: {
    async check(page, model, out) {
      await page.click("#result summary");
      const shown = await page.$$eval("#answer tr td:nth-child(2)", all => all.map(x => x.textContent));
      expect(model, shown, out.values.map(x => significant(x, 6)));
    },
  },
};

const text = (page, where) => page.$eval(where, x => x.textContent);
const count = (page, where) => page.$$eval(where, all => all.length);

// settled waits until the button may be pressed again.
const settled = page => page.waitForFunction(() => !document.querySelector("#go").disabled, {timeout: 30000});

async function ask(page) {
  await page.focus("#input");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await settled(page);
}

async function open(page, model) {
  await page.goto("about:blank");
  await page.goto(`${url}/#${model.name}`, {waitUntil: "domcontentloaded"});
  await page.waitForSelector("#try:not([hidden])");
  await page.waitForFunction(() => document.querySelector("#loss figure"));
}

// numbersIn are the inputs that the box of a series has.
const numbersIn = box => {
  const lines = box.split("\n").map(line => line.split(" ").map(Number));
  return lines.length > 1 ? lines : lines[0];
};

async function tryModel(page, model) {
  await open(page, model);
  const task = tasks[model.task];
  if (model.task === "lm") return writeText(page, model);
  let input = task.text;
  if (model.reads === "series") {
    await page.click("#example");
    input = numbersIn(await page.$eval("#input", x => x.value));
  } else {
    await page.type("#input", input);
  }
  await ask(page);
  expect(model.name + ", the problem", await text(page, "#problem"), "");
  const [out] = await predict(model.name, [input], task.options);
  await task.check(page, model.name, out);
  if (["regress", "forecast"].includes(model.task)) {
    expect(model.name + ", numbers that are called wrong", await count(page, ".samples .is-wrong"), 0);
  }
}

async function writeText(page, model) {
  const session = [];
  for (const [i, prompt] of ["the ", ""].entries()) {
    if (i === 0) {
      await page.click("#ask summary");
      for (const [name, value] of [["temperature", "0"], ["length", "60"]]) {
        await page.focus("#option-" + name);
        await page.keyboard.down("Control");
        await page.keyboard.press("a");
        await page.keyboard.up("Control");
        await page.keyboard.type(value);
      }
    }
    await page.type("#input", prompt);
    await ask(page);
    expect(model.name + ", the problem", await text(page, "#problem"), "");
    expect(model.name + ", probabilities", await count(page, "#probable li"), i ? 60 : 0);
    session.push(await text(page, "#answer"));
    await page.click("#option-probabilities");
  }
  const [whole] = await predict(model.name, ["the "], {temperature: 0, length: 120});
  expect(model.name, session[1], "the " + whole.text);
}

const browser = await launch();
const page = await browser.newPage();
watch(page);

const {models} = await (await fetch(url + "/v1/models")).json();
for (const model of models) {
  await page.setViewport({width: 1400, height: 1000});
  await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: "light"}]);
  await tryModel(page, model);
  await look(page, pictures, model.name);
  if (model.task === "lm") {
    await page.click("#again");
    expect(model.name + ", after Start over", await count(page, "#answer"), 0);
  }
  console.log(model.name + ": tried");
}

// A mistake is said in the words of the API.
const reader = models.find(m => m.reads === "text" && m.task !== "lm");
if (reader) {
  await open(page, reader);
  await ask(page);
  expect("an empty box", await text(page, "#problem"), "Write something into the box first.");
}

await browser.close();
if (faults()) {
  console.log(faults() + " faults");
  process.exit(1);
}
console.log("the page shows what the API answers");
