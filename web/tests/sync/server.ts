// The real binary, and providers that speak to it from Node.

import 'fake-indexeddb/auto';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { SangamProvider, type Options } from '../../src/sync/provider';

// Browsers have Web Locks; Node 20 has none.
const queues = new Map<string, Promise<unknown>>();
const locks = {
  request: (name: string, act: () => Promise<unknown>) => {
    const turn = (queues.get(name) ?? Promise.resolve()).then(act, act);
    queues.set(name, turn);
    return turn;
  },
};
Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });

const BINARY =
  process.env['SANGAM_BIN'] ?? new URL('../../../target/release/sangam', import.meta.url).pathname;
export const PATIENCE_MS = 20_000;
export const run = promisify(execFile);

interface Links {
  workshops: { board: string }[];
  links: { role: string; site: string | null; token: string }[];
}

export class Server {
  address = '';
  private child: ChildProcess | undefined;
  private links: Links = { workshops: [], links: [] };

  private constructor(
    readonly data: string,
    private readonly wrapper: string[],
  ) {}

  /** The demonstration event; in a fresh folder, unless a test brings one that it made small. */
  static async start(
    data = mkdtempSync(join(tmpdir(), 'sangam-web-')),
    wrapper: string[] = [],
  ): Promise<Server> {
    const server = new Server(data, wrapper);
    await server.spawn('127.0.0.1:0');
    const { stdout } = await run(BINARY, ['links', 'demo', '--json', '--data', data]);
    server.links = JSON.parse(stdout) as Links;
    return server;
  }

  async spawn(listen = this.address): Promise<void> {
    const args = [...this.wrapper, BINARY, 'demo', '--listen', listen, '--data', this.data];
    const child = spawn(args[0]!, args.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /^listening on http:\/\/(.*)$/.exec(line);
      if (!found) continue;
      this.address = found[1]!;
      return;
    }
    throw new Error('the server ended before it listened');
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  copyTo(folder: string): void {
    cpSync(this.data, folder, { recursive: true });
  }

  board(index: number): string {
    return this.links.workshops[index]!.board;
  }

  token(role: string, site?: string): string {
    return this.links.links.find((l) => l.role === role && (!site || l.site === site))!.token;
  }

  url(index: number, token = this.token('participant', 'paris')): string {
    return `ws://${this.address}/sync/${this.board(index)}?token=${token}`;
  }
}

/** One page: a provider that may be replaced by another, with another document. */
export class Page {
  provider!: SangamProvider;
  doc!: Y.Doc;
  replacements = 0;
  /** Every state that was ever shown. */
  readonly shown: SangamProvider['status'][] = [];

  constructor(device: string, url: string, options: Partial<Options> = {}) {
    const open = (next: Options) => {
      this.doc = next.doc;
      this.provider = new SangamProvider(next);
      this.provider.subscribe(() => this.shown.push(this.provider.status));
    };
    open({
      url,
      documentId: new URL(url).pathname,
      copyName: device,
      doc: new Y.Doc(),
      open: openSocket,
      ...options,
      replaced: (next) => {
        this.replacements += 1;
        open(next);
      },
    });
  }

  get status() {
    return this.provider.status;
  }

  /** Resolves when it fits. */
  async until(fits: (page: this) => boolean, what: string): Promise<void> {
    await until(() => fits(this), `${what}; ${JSON.stringify(this.status)}`);
  }

  async saved(): Promise<void> {
    await until(
      () => this.status.saving === 'saved' && this.status.connection === 'online',
      () => `saved; ${JSON.stringify(this.status)}`,
    );
  }

  close(): void {
    this.provider.destroy();
  }
}

export const openSocket = (url: string, protocol: string) =>
  new WebSocket(url, protocol) as unknown as globalThis.WebSocket;

export const noSocket = (): never => {
  throw new Error('WebSockets are blocked here');
};

export async function until(
  fits: () => boolean,
  what: string | (() => string),
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!fits()) {
    if (Date.now() > end) throw new Error(`never: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let devices = 0;
export const device = () => `device-${process.pid}-${(devices += 1)}`;

export function addIdea(doc: Y.Doc, text: string): string {
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

export function idea(doc: Y.Doc, id: string): string | undefined {
  const note = doc.getMap('ideas').get(id) as Y.Map<unknown> | undefined;
  return note?.get('text')?.toString();
}

export const minutes = (doc: Y.Doc) => doc.getText('minutes');

/** The same words for the same board: keys of maps are in the order of their arrival. */
export function canonical(doc: Y.Doc): string {
  const sorted = (value: unknown): unknown =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, sorted(item)]),
        )
      : value;
  const roots = ['ideas', 'practices', 'clusters', 'plans'].map((name) =>
    doc.getMap(name).toJSON(),
  );
  return JSON.stringify([...roots.map(sorted), minutes(doc).toString()]);
}
