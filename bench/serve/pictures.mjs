// Looks at pictures that the command draws, and at pages that it writes.
//
//	node pictures.mjs FOLDER PICTURES    where FOLDER has .svg, .png and .html
import {readdirSync, writeFileSync} from "node:fs";
import {faults, launch, look, watch} from "./browser.mjs";

const [folder, pictures] = process.argv.slice(2);

// frame is a page that shows a picture, as a page of documentation does.
const frame = file => `<!doctype html><html lang="en"><title>${file}</title>
<meta name="viewport" content="width=device-width"><style>:root { color-scheme: light dark } img { max-width: 100%; height: auto }</style>
<main><h1>${file}</h1><img src="${file}" alt="what ${file} shows"></main></html>`;

const browser = await launch();
for (const file of readdirSync(folder).filter(f => /\.(svg|png|html)$/.test(f)).sort()) {
  const page = await browser.newPage();
  watch(page);
  let shown = file;
  if (!file.endsWith(".html")) {
    shown = file + ".frame.html";
    writeFileSync(`${folder}/${shown}`, frame(file));
  }
  await page.goto(`file://${folder}/${shown}`);
  await look(page, pictures, file.replace(".", "-"));
  await page.close();
}
await browser.close();
console.log(faults() ? `${faults()} faults` : "pictures and pages: no faults");
process.exit(faults() ? 1 : 0);
