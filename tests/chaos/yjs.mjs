// Stock Yjs clients in a bad network: they edit at random until they are told to stop, and say what
// their documents hold. One JSON line for every line on standard input.
//
// node yjs.mjs ADDRESS DOCUMENT TOKEN CLIENTS SEED

import { createInterface } from 'node:readline';
import WebSocket from '../../web/node_modules/ws/wrapper.mjs';
import { WebsocketProvider } from '../../web/node_modules/y-websocket/src/y-websocket.js';
import * as Y from '../../web/node_modules/yjs/dist/yjs.mjs';

const [address, board, token, clients, seed] = process.argv.slice(2);

// mulberry32: small, seeded, good enough for dice.
let state = Number(seed) >>> 0;
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(random() * n);

let words = 0;
let edits = 0;
let busy = true;
const wrote = [];
const struck = [];

const providers = Array.from({ length: Number(clients) }, () => {
  const doc = new Y.Doc();
  return new WebsocketProvider(`ws://${address}/sync`, board, doc, {
    WebSocketPolyfill: WebSocket,
    params: { token },
    disableBc: true,
  });
});

function uuid() {
  const hex = Array.from({ length: 32 }, () => below(16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function edit({ doc }) {
  const ideas = doc.getMap('ideas');
  const mine = [...ideas].filter(([, note]) => /^(\[|$)/.test(note.get('text')?.toString() ?? '-'));
  edits += 1;
  const word = `[y${(words += 1)}]`;
  const chosen = mine[below(mine.length)];
  if (!chosen || (mine.length < 150 && random() < 0.15)) {
    const id = uuid();
    doc.transact(() => {
      const note = new Y.Map();
      ideas.set(id, note);
      note.set('text', new Y.Text(word));
      note.set('translations', new Y.Map());
      note.set('translationMeta', new Y.Map());
      note.set('order', 'a0');
    });
    wrote.push({ note: id, word });
    return;
  }
  const [id, note] = chosen;
  const text = note.get('text');
  const whole = text.toString();
  if (whole.length < 800 && random() < 0.6) {
    text.insert(random() < 0.5 ? 0 : whole.length, word);
    wrote.push({ note: id, word });
  } else if (whole.length > 0) {
    const end = whole.indexOf(']') + 1;
    text.delete(0, end);
    struck.push({ note: id, word: whole.slice(0, end) });
  }
}

for (const provider of providers) {
  provider.once('sync', () => {
    const again = () => {
      if (busy) edit(provider);
      if (busy) setTimeout(again, 40 + below(160));
    };
    again();
  });
}

const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'stop') busy = false;
  const boards = providers.map(({ doc }) => ({
    ideas: doc.getMap('ideas').toJSON(),
    minutes: doc.getText('minutes').toString(),
  }));
  console.log(JSON.stringify({ edits, wrote, struck, boards }, plain));
}
process.exit(0);
