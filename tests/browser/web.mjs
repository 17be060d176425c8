// Opens a page that `kiln export --format web` wrote in headless Chromium, shows it pictures and prints what it says, as JSON.
//
//     node tests/browser/web.mjs FOLDER [--webgpu] [--screenshots DIR] PICTURE...
//
// The first pictures go through the page as a person's would; all of them through the page's own `kiln.classify`. Then the server
// goes away, and the page is opened again. Pictures of the page at 390 and 1280 px, light and dark, go to DIR. With --webgpu the
// browser has an adapter, SwiftShader's, which computes on the processor.

import { mkdirSync } from "node:fs";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser, serve } from "./chromium.mjs";

const BY_HAND = 3;
const [folder, ...rest] = process.argv.slice(2);
const flags = rest[0] === "--webgpu" ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : undefined;
if (flags) rest.shift();
const shots = rest[0] === "--screenshots" ? resolve(rest.splice(0, 2)[1]) : undefined;
const pictures = rest.map((path) => resolve(path));

// The page may not read files; it asks for them by number.
const library = createServer((request, response) => {
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
  createReadStream(pictures[Number(request.url.slice(1))]).pipe(response);
});
await new Promise((done) => library.listen(0, "127.0.0.1", done));
const shelf = `http://127.0.0.1:${library.address().port}/`;

const server = await serve(resolve(folder));
const browser = new Browser(flags);
const report = {};
try {
  const page = await browser.page(server.url);
  await page.until("globalThis.kiln !== undefined");
  report.on = await page.evaluate("kiln.ready");
  await page.choose("#choose", pictures.slice(0, BY_HAND));
  await page.until(`document.querySelectorAll("article[data-best], article .answer.bad").length === ${Math.min(BY_HAND, pictures.length)}`);
  report.shown = await page.evaluate(`[...document.querySelectorAll("article")].map((card) => card.dataset.best ?? null).reverse()`);
  report.probabilities = [];
  for (let number = 0; number < pictures.length; number++) {
    const said = `fetch("${shelf}${number}").then((answer) => answer.blob()).then(kiln.classify).then((p) => [...p], () => null)`;
    report.probabilities.push(await page.evaluate(said));
  }
  if (shots) {
    mkdirSync(shots, { recursive: true });
    for (const width of [390, 1280]) {
      for (const dark of [false, true]) {
        const wide = await page.screenshot(width, dark, join(shots, `${width}-${dark ? "dark" : "light"}.png`));
        console.error(`${width} px wide, content ${wide} px wide`);
      }
    }
  }
  await page.until(`document.getElementById("offline").textContent.includes("without a network")`);
  await server.close();
  await page.open(server.url);
  await page.until("globalThis.kiln !== undefined");
  await page.evaluate("kiln.ready");
  report.isolated = await page.evaluate("crossOriginIsolated");
  await page.choose("#choose", pictures.slice(0, 1));
  await page.until("document.querySelector('article[data-best], article .answer.bad') !== null");
  report.offline = await page.evaluate("document.querySelector('article').dataset.best ?? null");

  const local = await browser.page(pathToFileURL(join(resolve(folder), "index.html")).href);
  report.local = await local.evaluate("getComputedStyle(document.getElementById('here')).display");
  if (shots) await local.screenshot(390, false, join(shots, "390-as-a-file.png"));
  report.said = page.said;
} finally {
  await browser.close();
  library.close();
  await server.close().catch(() => {});
}
process.stdout.write(JSON.stringify(report));
