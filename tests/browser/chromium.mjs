// Headless Chromium driven over a pipe, without any package; and a server of a folder that can go away.

import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
];

export class Browser {
  constructor(flags = ["--disable-gpu"]) {
    this.profile = mkdtempSync(join(tmpdir(), "kiln-browser-"));
    const args = [...FLAGS, ...flags, `--user-data-dir=${this.profile}`];
    const program = process.env.CHROMIUM ?? "chromium";
    this.process = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.listeners = [];
    this.count = 0;
    let rest = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const parts = (rest + text).split("\0");
      rest = parts.pop();
      parts.forEach((part) => this.#hear(JSON.parse(part)));
    });
  }

  #hear(message) {
    const { id, result, error } = message;
    if (!id) return this.listeners.forEach((listener) => listener(message));
    const { done, fail } = this.waiting.get(id);
    this.waiting.delete(id);
    return error ? fail(new Error(error.message)) : done(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.count;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((done, fail) => this.waiting.set(id, { done, fail }));
  }

  async page(url) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    await page.send("Page.enable");
    await page.send("Runtime.enable");
    await page.open(url);
    return page;
  }

  async close() {
    const gone = new Promise((done) => this.process.once("exit", done));
    await this.send("Browser.close").catch(() => {});
    await gone;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Page {
  constructor(browser, session) {
    Object.assign(this, { browser, session, said: [] });
    browser.listeners.push(({ method, params, sessionId }) => {
      if (sessionId !== session) return;
      if (method === "Runtime.exceptionThrown") this.said.push(params.exceptionDetails.exception?.description ?? "an error");
      if (method === "Runtime.consoleAPICalled") this.said.push(params.args.map((arg) => arg.value ?? arg.description).join(" "));
    });
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  async open(url) {
    const loaded = new Promise((done) => {
      this.browser.listeners.push(({ method, sessionId }) => {
        if (method === "Page.loadEventFired" && sessionId === this.session) done();
      });
    });
    await this.send("Page.navigate", { url });
    await loaded;
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async until(expression, seconds = 60) {
    const from = Date.now();
    while (!(await this.evaluate(expression))) {
      if (Date.now() - from > 1000 * seconds) throw new Error(`never true: ${expression}\n${this.said.join("\n")}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  // As a person would: by the input for files.
  async choose(selector, files) {
    const { root } = await this.send("DOM.getDocument");
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.send("DOM.setFileInputFiles", { nodeId, files });
  }

  async screenshot(width, dark, path) {
    const { writeFileSync } = await import("node:fs");
    await this.send("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.send("Emulation.setEmulatedMedia", { features });
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    writeFileSync(path, Buffer.from(data, "base64"));
    return this.evaluate("document.documentElement.scrollWidth");
  }
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

// Serves a folder on a free port of this machine, as plainly as `python3 -m http.server` does.
export async function serve(folder) {
  const server = createServer((request, response) => {
    let name = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    if (name.endsWith("/")) name += "index.html";
    const path = join(folder, name);
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Content-Length": size });
    return createReadStream(path).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const close = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}
