// The real binary and stock Yjs clients: nothing here knows more than y-websocket's documentation says.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import WebSocket from '../../web/node_modules/ws/wrapper.mjs';
import { WebsocketProvider } from '../../web/node_modules/y-websocket/src/y-websocket.js';
import * as Y from '../../web/node_modules/yjs/dist/yjs.mjs';

const BINARY =
  process.env.SANGAM_BIN ?? new URL('../../target/release/sangam', import.meta.url).pathname;
const PATIENCE_MS = 20_000;

export { Y };

export class Server {
  providers = [];

  static async start() {
    const server = new Server();
    server.data = mkdtempSync(join(tmpdir(), 'sangam-interop-'));
    await server.spawn('127.0.0.1:0');
    const { stdout } = await promisify(execFile)(BINARY, [
      'links',
      'demo',
      '--json',
      '--data',
      server.data,
    ]);
    server.links = JSON.parse(stdout);
    return server;
  }

  async spawn(listen) {
    const args = ['demo', '--listen', listen, '--data', this.data];
    this.child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.ended = once(this.child, 'exit');
    // Listened to for as long as it lives: a pipe that nobody reads would end the server.
    const lines = createInterface({ input: this.child.stdout });
    this.address = await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /^listening on http:\/\/(.*)$/.exec(line);
        if (found) resolve(found[1]);
      });
      lines.on('close', () => reject(new Error('the server ended before it listened')));
    });
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async restart() {
    await this.kill();
    await this.spawn(this.address);
  }

  async stop() {
    // Presence keeps a timer that only its document's end stops.
    for (const { doc } of this.providers) doc.destroy();
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  board(index) {
    return this.links.workshops[index].board;
  }

  token(role, site) {
    return this.links.links.find((link) => link.role === role && (!site || link.site === site))
      .token;
  }

  /** A stock provider, as its README shows it. */
  provider(index, role = 'participant', site = 'paris') {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(`ws://${this.address}/sync`, this.board(index), doc, {
      WebSocketPolyfill: WebSocket,
      params: { token: this.token(role, site) },
      disableBc: true,
    });
    this.providers.push(provider);
    return provider;
  }
}

/** Resolves when it fits; asks whenever one of the documents or presences changes. */
export function until(providers, fits, what) {
  const watched = [providers].flat();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(reject, new Error(`never: ${what}`)), PATIENCE_MS);
    const check = () => fits() && finish(resolve);
    const finish = (end, value) => {
      clearTimeout(timer);
      for (const provider of watched) {
        provider.doc.off('update', check);
        provider.off('sync', check);
        provider.off('status', check);
        provider.awareness.off('change', check);
      }
      end(value);
    };
    for (const provider of watched) {
      provider.doc.on('update', check);
      provider.on('sync', check);
      provider.on('status', check);
      provider.awareness.on('change', check);
    }
    check();
  });
}

export const synced = (provider) => until(provider, () => provider.synced, 'synced');

export function addIdea(doc, text) {
  const id = crypto.randomUUID();
  doc.transact(() => {
    const note = new Y.Map();
    doc.getMap('ideas').set(id, note);
    note.set('text', new Y.Text(text));
    note.set('translations', new Y.Map());
    note.set('translationMeta', new Y.Map());
    note.set('order', 'a0');
  });
  return id;
}

export const ideaText = (doc, id) => doc.getMap('ideas').get(id)?.get('text')?.toString();
