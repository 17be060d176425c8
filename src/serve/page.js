// Sends what is dropped, chosen or pasted to /predict, a picture at a time, and shows what comes back.
"use strict";
const drop = document.getElementById("drop");
const files = document.getElementById("files");
const token = document.getElementById("token");
const said = document.getElementById("said");
const pictures = document.getElementById("pictures");
// As many as a small machine computes at once.
const AT_ONCE = 2;
const waiting = [];
let busy = 0;

function make(name, text, parent) {
  const element = document.createElement(name);
  element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

async function ask(path, file) {
  const headers = { "Content-Type": "application/octet-stream" };
  if (token && token.value) headers.Authorization = "Bearer " + token.value;
  for (;;) {
    const response = await fetch(path, { method: "POST", headers, body: file });
    const answer = await response.json();
    const later = Number(response.headers.get("Retry-After"));
    if (response.ok) return answer;
    if (!later) throw new Error(answer.error.message);
    await new Promise((go) => setTimeout(go, 1000 * later));
  }
}

function show(card, classes) {
  const list = make("ol", "", card);
  for (const { class: name, probability } of classes) {
    const line = make("li", "", list);
    make("span", name, line);
    make("data", (100 * probability).toFixed(1) + " %", line);
    const bar = make("meter", "", line);
    bar.value = probability;
    bar.setAttribute("aria-label", name);
  }
}

function card(file) {
  const card = document.createElement("article");
  make("h2", file.name || "pasted picture", card);
  const views = make("div", "", card);
  views.className = "views";
  const image = make("img", "", views);
  image.alt = "";
  image.src = URL.createObjectURL(file);
  // Not every browser shows every kind of picture that is read here.
  image.onerror = () => image.remove();
  image.onload = () => URL.revokeObjectURL(image.src);
  pictures.prepend(card);
  return card;
}

async function look(file, card) {
  const state = make("p", "…", card);
  try {
    const answer = await ask("predict?top=5", file);
    state.remove();
    show(card, answer.pictures[0].classes);
    make("button", "What speaks for it?", card).onclick = (event) => explain(file, card, event.target);
  } catch (error) {
    state.textContent = error.message;
    state.className = "bad";
  }
}

async function explain(file, card, button) {
  button.disabled = true;
  try {
    const answer = await ask("explain", file);
    const image = make("img", "", card.querySelector(".views"));
    image.alt = "the places that speak for " + answer.class;
    image.src = "data:image/png;base64," + answer.overlay;
    button.remove();
  } catch (error) {
    button.replaceWith(make("p", error.message));
  }
}

function go() {
  while (busy < AT_ONCE && waiting.length) {
    const [file, card] = waiting.shift();
    busy += 1;
    look(file, card).finally(() => { busy -= 1; go(); });
  }
  said.textContent = waiting.length ? waiting.length + " more to come" : "";
}

function add(list) {
  for (const file of list) waiting.push([file, card(file)]);
  go();
}

files.onchange = () => { add([...files.files]); files.value = ""; };
document.ondragover = (event) => { event.preventDefault(); drop.className = "over"; };
document.ondragleave = () => { drop.className = ""; };
document.ondrop = (event) => { event.preventDefault(); drop.className = ""; add(event.dataTransfer.files); };
document.onpaste = (event) => add(event.clipboardData.files);
