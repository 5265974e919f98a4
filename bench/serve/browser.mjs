// What the programs share that look at pages in a browser.
import {mkdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";

const require = createRequire(process.cwd() + "/");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let failed = 0;

// fault says what is wrong.
export function fault(...words) {
  failed++;
  console.log(...words);
}

// faults is how many there were.
export const faults = () => failed;

export function expect(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    fault(`${what}: the page shows ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

export const launch = () => puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

// watch makes errors of a page faults.
export function watch(page) {
  page.on("pageerror", error => fault("error in the page:", error.message));
  page.on("console", message => {
    if (message.type() === "error" && !message.text().includes("400")) fault("in the console:", message.text());
  });
}

// looks are the ways in which a page is looked at.
const looks = [["wide", 1400, "light"], ["phone", 390, "light"], ["dark", 1400, "dark"], ["phone-dark", 390, "dark"]];

// look takes a picture of a page in each way, and lets axe look for what is wrong for people who cannot see or use a
// mouse. Nothing may be wider than the window, but for what scrolls by itself and shows it, nor letters of a chart be small.
export async function look(page, pictures, name) {
  mkdirSync(pictures, {recursive: true});
  for (const [how, width, scheme] of looks) {
    await page.setViewport({width, height: 900});
    await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: scheme}]);
    await page.evaluate(() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(`${name}, ${how}: wider than the window`, Math.max(0, wider), 0);
    const scales = await page.$$eval("figure svg", all => all.map(x => x.clientWidth / x.viewBox.baseVal.width));
    expect(`${name}, ${how}: charts that are drawn smaller than they are`, scales.filter(s => s < 0.9), []);
    expect(`${name}, ${how}: what scrolls sideways without a sign of it`, await unmarked(page), []);
    await page.screenshot({path: `${pictures}/${name}-${how}.png`, fullPage: true});
    await noViolations(page, `${name}, ${how}`);
  }
}

// unmarked are the things that are wider than their place and whose right edge, below their content, looks the same
// whether there is more beyond it or not.
async function unmarked(page) {
  const wrong = [];
  for (const element of await page.$$(".scroll")) {
    const scrollTo = left => element.evaluate((x, left) => { x.scrollLeft = left; return x.scrollWidth > x.clientWidth; }, left);
    if (!await scrollTo(0)) continue;
    const {width, height} = await element.boundingBox();
    const edge = () => element.screenshot({clip: {x: width - 8, y: height - 2, width: 8, height: 1}, encoding: "base64"});
    const before = await edge();
    await scrollTo(1e6);
    if (before === await edge()) wrong.push(await element.evaluate(x => x.textContent.slice(0, 40)));
    await scrollTo(0);
  }
  return wrong;
}

async function noViolations(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}));
  for (const v of found.violations) {
    fault(`${what}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(" | ")}`);
  }
}
