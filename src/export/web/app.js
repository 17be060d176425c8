// The page: loads the model, takes pictures, shows what they are. What a picture is turned into is picture.js's business.

import { seen } from "./picture.js";

const SHOWN = 5;
const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("on");

const description = await (await fetch("model.json")).json();
const runtime = load();
at("choose").addEventListener("change", (event) => take([...event.target.files]));
for (const kind of ["dragenter", "dragover"]) addEventListener(kind, (event) => over(event, true));
for (const kind of ["dragleave", "drop"]) addEventListener(kind, (event) => over(event, false));
addEventListener("drop", (event) => take([...event.dataTransfer.files]));
addEventListener("paste", (event) => take([...event.clipboardData.files]));

// Probabilities of all classes. For the console and for tests; the page uses it too.
export async function classify(file) {
  const { ort, session } = await runtime;
  const { size } = description.preprocess;
  const input = new ort.Tensor("uint8", await seen(file, description.preprocess), [1, size, size, 3]);
  const { probabilities } = await session.run({ input });
  return probabilities.data;
}
globalThis.kiln = { classify, description, ready: runtime.then(({ on }) => on) };

async function load() {
  try {
    const model = await fetched("model.onnx", (share) => say(`Loading the model: ${Math.round(100 * share)} %`));
    const ready = (await started("webgpu", model)) ?? (await started("wasm", model));
    say(ready.on === "webgpu" ? "Runs on this device’s graphics processor." : "Runs on this device’s processor.");
    keep();
    return ready;
  } catch (error) {
    say(`The model cannot be loaded: ${error.message}`, true);
    throw error;
  }
}

// A session that has answered once; none where this browser cannot.
async function started(on, model) {
  if (on === "webgpu" && (asked === "wasm" || !(await navigator.gpu?.requestAdapter().catch(() => null)))) return undefined;
  try {
    const ort = await import(on === "webgpu" ? "./ort/ort.webgpu.min.mjs" : "./ort/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
    ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1;
    const session = await ort.InferenceSession.create(model, { executionProviders: [on] });
    const { size } = description.preprocess;
    await session.run({ input: new ort.Tensor("uint8", new Uint8Array(3 * size * size), [1, size, size, 3]) });
    return { ort, session, on };
  } catch (error) {
    if (on === "wasm") throw error;
    console.warn("WebGPU failed, going on without it:", error);
    return undefined;
  }
}

async function fetched(url, progress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const total = Number(answer.headers.get("content-length")) || description.model_bytes;
  const pieces = [];
  let length = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
    progress(Math.min(length / total, 1));
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

// Keeps what was loaded for the time without a network.
async function keep() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("offline.js");
    const { active } = await navigator.serviceWorker.ready;
    const used = performance.getEntriesByType("resource").map((entry) => entry.name);
    navigator.serviceWorker.addEventListener("message", ({ data }) => {
      at("offline").textContent = data === "kept" ? "Works without a network from now on." : "";
    });
    active.postMessage([location.href.split(/[?#]/)[0], ...used.filter((url) => url.startsWith(location.origin))]);
  } catch (error) {
    console.warn("cannot be kept for use without a network:", error);
  }
}

function say(text, isBad = false) {
  at("state").textContent = text;
  at("state").classList.toggle("bad", isBad);
}

function over(event, isOver) {
  event.preventDefault();
  at("drop").classList.toggle("over", isOver && event.type !== "drop");
}

async function take(files) {
  at("choose").value = "";
  for (const file of files) {
    const card = at("card").content.firstElementChild.cloneNode(true);
    card.querySelector("figcaption").textContent = file.name || "pasted picture";
    at("results").prepend(card);
    await show(card, file);
  }
}

async function show(card, file) {
  const answer = card.querySelector(".answer");
  const picture = card.querySelector("img");
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  picture.onerror = () => picture.remove();
  try {
    const from = performance.now();
    const probabilities = Array.from(await classify(file));
    card.querySelector(".time").textContent = `${Math.round(performance.now() - from)} ms`;
    const order = probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
    answer.replaceChildren(...order.slice(0, SHOWN).map((index) => line(description.classes[index], probabilities[index])));
    card.dataset.best = description.classes[order[0]];
  } catch (error) {
    answer.textContent = "This file cannot be read as a picture.";
    answer.classList.add("bad");
    console.warn(file.name, error);
  }
}

function line(name, probability) {
  const line = at("line").content.firstElementChild.cloneNode(true);
  line.querySelector(".name").textContent = name;
  line.querySelector(".share").textContent = `${(100 * probability).toFixed(1)} %`;
  line.querySelector(".bar span").style.width = `${100 * probability}%`;
  return line;
}
