// Opens the pages without a connection. Pages and answers come from the network while there is one,
// so that nobody works with an old page; hashed files come from this device, because they never change.

export {};
declare const self: ServiceWorkerGlobalScope;

/** Every script and style of this build; the build writes them in. */
declare const __ASSETS__: string[];
/** One name per build. */
declare const __BUILD__: string;

const FILES = `files:${__BUILD__}`;
/** What the server last said of the event. `ui/api.ts` deletes it when somebody leaves this device. */
const ANSWERS = 'answers';
/** One page serves every event and every board: the address says which. */
const PAGES = ['/', '/join', '/e/-', '/e/-/board/1'];
const PATIENCE_MS = 4_000;

self.addEventListener('install', (event) => {
  const fill = async () => {
    const cache = await caches.open(FILES);
    await cache.addAll([...PAGES, ...__ASSETS__]);
    await self.skipWaiting();
  };
  event.waitUntil(fill());
});

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const old = (await caches.keys()).filter((name) => name !== FILES && name !== ANSWERS);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    const page = pageFor(url.pathname);
    if (page) event.respondWith(networkFirst(request, FILES, page, false));
  } else if (url.pathname.startsWith('/assets/')) {
    event.respondWith(cacheFirst(request));
  } else if (isOfTheEvent(url.pathname)) {
    event.respondWith(networkFirst(request, ANSWERS, url.pathname, true));
  }
});

function pageFor(path: string): string | undefined {
  if (/^\/e\/[^/]+\/board\/[^/]+$/.test(path)) return '/e/-/board/1';
  if (/^\/e\/[^/]+$/.test(path)) return '/e/-';
  return PAGES.includes(path) ? path : undefined;
}

/** Who I am, the event, its people: enough to open a board. */
function isOfTheEvent(path: string): boolean {
  return path === '/api/v1/session' || /^\/api\/v1\/events\/[^/]+(\/people)?$/.test(path);
}

async function cacheFirst(request: Request): Promise<Response> {
  const known = await caches.match(request);
  if (known) return known;
  const answer = await fetch(request);
  // Fonts come here, when a text needs them.
  if (answer.ok) await (await caches.open(FILES)).put(request, answer.clone());
  return answer;
}

/** The network, as long as it answers in time; whatever it says, a refusal too, is the truth. */
async function networkFirst(
  request: Request,
  store: string,
  key: string,
  keep: boolean,
): Promise<Response> {
  const cache = await caches.open(store);
  const known = await cache.match(key);
  const asked = fetch(request).then(async (answer) => {
    if (keep && answer.ok) await cache.put(key, answer.clone());
    return answer;
  });
  if (!known) return asked;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(known), PATIENCE_MS));
  return Promise.race([asked, late]).catch(() => known);
}
