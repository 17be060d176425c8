// Keeps the page for the time without a network. What was kept is served first; another export has another name of its cache.
// It also asks the browser to set the page apart from others, without which WebAssembly has one thread.

const CACHE = "kiln-{{version}}";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(begin()));
addEventListener("message", (event) => event.waitUntil(keep(event)));
addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(location.origin)) event.respondWith(answer(event.request));
});

async function begin() {
  // Other pages of this origin may keep something too.
  const scope = new URL(registration.scope).pathname;
  for (const name of await caches.keys()) {
    if (name.startsWith("kiln-") && name !== CACHE && (await (await caches.open(name)).match(scope))) await caches.delete(name);
  }
  await clients.claim();
}

async function keep(event) {
  const cache = await caches.open(CACHE);
  try {
    for (const url of new Set(event.data)) {
      if (await cache.match(url)) continue;
      // What is not there, such as an icon that the browser asked for by itself, is not missed either.
      const found = await fetch(url);
      if (found.ok) await cache.put(url, found);
    }
    event.source.postMessage("kept");
  } catch (error) {
    event.source.postMessage("not kept");
  }
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const found = (await cache.match(request, { ignoreSearch: true })) ?? (await fetch(request));
  if (!found.ok) return found;
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}
