// Compares pages with the command, looks for what axe finds wrong, and takes pictures: see check.sh.
//
//	node check.mjs WORK PICTURES    where WORK has unroll, runs/NAME and NAME.html
import {execFileSync} from "node:child_process";
import {readdirSync, statSync, writeFileSync} from "node:fs";
import * as browsing from "../serve/browser.mjs";
import {asked as numbersAsked, refused} from "./numbers.mjs";

const [work, pictures] = process.argv.slice(2);
let compared = 0;

const unroll = (args, input) => execFileSync("./unroll", [...args, "--device", "cpu", "--threads", "1"],
  {cwd: work, input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"]});

function expect(...all) {
  compared++;
  browsing.expect(...all);
}

// What is asked, ordinary and odd: white space that browsers and Go see differently, what the vocabularies lack, other
// forms of the same characters, long words.
const odd = ["the cat 12 sat", "Two dogs,  7!", "  two   dogs ", "a\u00a0b", "x\u0085y z", "the\ufeffcat", "\ufeff the cat \ufeff", "ﬁne ½ Ⅳ", "saß e\u0301 é",
  "日本語 the cat", "▁the ▁cat", "👍🏽 dogs!", "İstanbul ΑΣ", "q".repeat(230), "the\tcat", "1,2;3", "the number 36 is", "number", "49 is odd",
  "\u200bcat\u200d", "the number 1234567890123456789 is not the cat"];
const inputs = {
  dates: ["23rd of December, 2006", "15.5.39", "the seventeenth of september 1962", "1 jan 2000", "may 5, 2021", ...odd],
  places: ["I went to New Kalia", "We met in Rome with Anna .", "Old New Old", ...odd],
};
const prompts = ["", "the ", "the c", "t", "hen", "mat.", "the cat is on the mat.\n", "on", "fen.\nthe", " ", "is on", "a", "e e", "n", "f",
  "the hen", "ten", "m", "o", "hat.", "cat"];

// ask asks a text, or a case of numbers.mjs.
async function ask(page, x) {
  if (x.image) {
    writeFileSync(`${work}/asked.png`, x.image);
    await (await page.$("#images-file")).uploadFile(`${work}/asked.png`);
  } else await page.$eval("#input", (box, text) => { box.value = text; }, x.text ?? x);
  for (const [i, category] of (x.choose ?? []).entries()) await page.select(`#category${i}`, String(category));
  await page.click("#go");
  await page.waitForFunction(() => !document.querySelector("#go").disabled, {timeout: 60000});
  return page.$eval("#problem", p => p.hidden ? "" : p.textContent);
}

const shown = (page, where) => page.$$eval(where, all => all.map(x => x.textContent));

// answered are the lines that the command answers to a case of numbers.mjs.
function answered(command, run, {file, data}, flag = "--series", ...more) {
  writeFileSync(`${work}/${file}`, data);
  const lines = unroll([command, run, flag, file, "--json", ...more], "").trim().split("\n");
  return lines.map(line => JSON.parse(line));
}

// near says whether the page shows numbers as they are, in six digits.
function near(what, got, want) {
  expect(what + ": how many numbers", got.length, want.length);
  got.forEach((x, i) =>
    expect(`${what}: ${x} for ${want[i]}`, Math.abs(x - want[i]) <= 2e-5 * Math.max(1e-3, Math.abs(want[i])), true));
}

async function labels(page, run, labels) {
  expect(run, await shown(page, ".bars th"), labels.map(l => l.label));
  const bars = await page.$$eval(".bars i", all => all.map(x => Number(x.style.getPropertyValue("--p"))));
  bars.forEach((p, i) => expect(`${run}: ${p}`, Math.abs(p - labels[i].probability) < 1e-5, true));
}

const compare = {
  async seq2seq(page, run, text) {
    const [want] = unroll(["translate", run, "--json"], text + "\n").trim().split("\n").map(line => JSON.parse(line));
    expect(`${run}: ${text}`, await shown(page, "#answer"), [want.translations[0].text || "(nothing)"]);
  },
  async classify(page, run, text) {
    const [want] = unroll(["classify", run, "--json", "--top", "10"], text + "\n").trim().split("\n").map(line => JSON.parse(line));
    await labels(page, `${run}: ${text}`, want.labels);
  },
  async series(page, run, x) {
    await labels(page, run, answered("classify", run, x, "--series", "--top", "10")[0].labels);
  },
  async images(page, run, x) {
    await labels(page, run, answered("classify", run, x, "--idx", "--top", "10")[0].labels);
  },
  async regress(page, run, x) {
    const [want] = answered("regress", run, x);
    near(run, (await shown(page, "#answer")).map(Number), [Object.values(want).at(-1)]);
  },
  async forecast(page, run, x) {
    const cells = await page.$$eval("table.plain tbody", all => all.map(body =>
      [...body.rows].flatMap(row => [...row.cells].slice(1).map(cell => Number(cell.textContent)))));
    const want = answered("forecast", run, x);
    expect(`${run}: targets`, cells.length, want.length);
    want.forEach(({forecast, quantiles = {}}, k) =>
      near(run, cells[k], forecast.flatMap((y, h) => [y, ...Object.values(quantiles).map(q => q[h])])));
  },
  async tag(page, run, text) {
    const words = (await page.$$eval("#answer li", all => all.map(li => li.firstChild.textContent)));
    const want = JSON.parse(unroll(["tag", run, "--json"], words.join("\n") + "\n\n").trim().split("\n")[0]);
    expect(`${run}: ${text}`, await shown(page, "#answer small"), want.tags);
  },
  async lm(page, run, text) {
    const want = unroll(["sample", run, "--prompt", text, "--temperature", "0", "--length", "40"]);
    expect(`${run}: ${JSON.stringify(text)}`, (await shown(page, "#answer"))[0] + "\n", want);
  },
};

const browser = await browsing.launch();
for (const file of readdirSync(work).filter(f => f.endsWith(".html")).sort()) {
  const name = file.slice(0, -5), run = "runs/" + name;
  const page = await browser.newPage();
  await page.setOfflineMode(true);
  browsing.watch(page);
  page.on("request", request => { if (!/^(file|blob|data):/.test(request.url())) browsing.fault("asked for", request.url()); });
  const began = Date.now();
  await page.goto(`file://${work}/${file}`, {waitUntil: "domcontentloaded"});
  await page.waitForFunction(() => !document.querySelector("#go").disabled, {timeout: 60000});
  const ready = Date.now() - began;
  const task = await page.evaluate(() => {
    const {task, series, columns} = JSON.parse(document.querySelector("#settings").textContent);
    return task !== "classify" ? task : columns ? "images" : series ? "series" : task;
  });
  if (task === "lm") await page.$eval("#length", x => { x.value = 40; });
  const asked = task === "lm" ? prompts : ["series", "images", "regress", "forecast"].includes(task) ? numbersAsked(name)
    : inputs[name] ?? odd;
  for (const text of asked) {
    expect(`${run}: ${text.text ?? text}: the problem`, await ask(page, text), "");
    await compare[task](page, run, text);
  }
  for (const [text, problem] of refused[name] ?? []) {
    const said = await ask(page, text);
    expect(`${run}: ${text}: ${said}`, said.includes(problem), true);
  }
  await ask(page, asked[1]);
  await browsing.look(page, pictures, name);
  console.log(`${name}: ${asked.length} inputs, ready after ${ready} ms, ${statSync(`${work}/${file}`).size} bytes`);
  await page.close();
}
await browser.close();
const failed = browsing.faults();
console.log(failed ? `${failed} faults` : `the pages answer what the command answers: ${compared} comparisons`);
process.exit(failed || !compared ? 1 : 0);
