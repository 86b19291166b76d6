// The provider's rules, one by one, against a socket that the test holds in its hand.

import 'fake-indexeddb/auto';
import * as encoding from 'lib0/encoding';
import { afterEach, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { MESSAGE, type RefusalCode } from '../../src/shared/schema.gen';
import { SangamProvider, type Options } from '../../src/sync/provider';
import { parts } from '../../src/sync/update';
import * as wire from '../../src/sync/wire';
import { addIdea, canonical, device, minutes, until } from './server';

class Socket {
  readyState = 0;
  binaryType = '';
  onopen?: () => void;
  onmessage?: (event: { data: ArrayBuffer }) => void;
  onclose?: (event: { code: number }) => void;
  sent: Uint8Array[] = [];

  send(frame: Uint8Array) {
    this.sent.push(frame);
  }

  close() {
    this.readyState = 3;
  }

  open(hello: object = {}) {
    this.readyState = 1;
    this.onopen?.();
    const greeting = { epoch: 'one', role: 'participant', writable: true, messageBytesMax: 1e6 };
    this.say(text(MESSAGE.HELLO, JSON.stringify({ ...greeting, nowMs: 0, ...hello })));
  }

  say(frame: Uint8Array) {
    this.onmessage?.({ data: frame.slice().buffer });
  }

  /** Answers sync step 1 with nothing, and asks for everything. */
  join() {
    this.say(wire.step2(Uint8Array.of(0, 0)));
    this.ask();
  }

  ask() {
    this.say(Uint8Array.of(0, 0, 1, 0));
  }

  ack(n: number) {
    this.say(Uint8Array.of(MESSAGE.ACK, n));
  }

  refuse(n: number, code: RefusalCode) {
    this.say(text(MESSAGE.REFUSED, JSON.stringify({ n, code, retry: true })));
  }

  end(code: number) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** Sync messages by their step. */
  get steps(): number[] {
    return this.sent.filter((frame) => frame[0] === MESSAGE.SYNC).map((frame) => frame[1]!);
  }
}

function text(kind: number, json: string): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, kind);
  encoding.writeVarString(encoder, json);
  return encoding.toUint8Array(encoder);
}

const open: SangamProvider[] = [];
afterEach(() => {
  open.splice(0).forEach((provider) => provider.destroy());
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A provider and the sockets that it has opened. */
async function start(options: Partial<Options> = {}) {
  const sockets: Socket[] = [];
  const doc = options.doc ?? new Y.Doc();
  const replaced: Options[] = [];
  const provider = new SangamProvider({
    url: 'ws://nowhere.invalid/sync/x',
    documentId: 'x',
    copyName: device(),
    doc,
    open: () => {
      sockets.push(new Socket());
      return sockets.at(-1) as unknown as WebSocket;
    },
    fetch: () => Promise.reject(new Error('no network')),
    random: () => 0.5,
    replaced: (next) => replaced.push(next),
    ...options,
  });
  open.push(provider);
  await until(() => sockets.length === 1, 'a socket');
  return { provider, doc, sockets, replaced };
}

/** Connected, asked, and everything acknowledged. */
async function online(options: Partial<Options> = {}) {
  const started = await start(options);
  const socket = started.sockets[0]!;
  socket.open();
  socket.join();
  socket.ack(1);
  expect(started.provider.status.connection).toBe('online');
  return { ...started, socket };
}

it('is saved by the acknowledgement alone, and on this device by the transaction alone', async () => {
  const { provider, doc, socket } = await online();
  minutes(doc).insert(0, 'a');
  expect(provider.status.saving).toBe('unsaved');
  await until(() => provider.status.saving === 'on-device', 'on this device');
  expect(socket.steps).toEqual([0, 1, 2]);
  socket.ack(1);
  expect(provider.status.saving).toBe('on-device');
  socket.ack(2);
  expect(provider.status).toMatchObject({ saving: 'saved', waiting: 0 });
});

it('sends no live update before it was asked, and then everything', async () => {
  const { provider, doc, sockets } = await start();
  const socket = sockets[0]!;
  socket.open();
  minutes(doc).insert(0, 'early');
  await until(() => provider.status.saving === 'on-device', 'on this device');
  expect(socket.steps).toEqual([0]);
  socket.join();
  expect(socket.steps).toEqual([0, 1]);
  socket.ack(1);
  expect(provider.status.saving).toBe('saved');
});

it('waits to be asked after a gap, and is saved when the whole offer is', async () => {
  const { provider, doc, socket } = await online();
  minutes(doc).insert(0, 'a');
  await until(() => socket.steps.length === 3, 'the update');
  socket.refuse(2, 'gap');
  socket.ack(2);
  minutes(doc).insert(0, 'b');
  await until(() => provider.status.saving === 'on-device', 'on this device');
  expect(socket.steps).toEqual([0, 1, 2]);
  expect(provider.status.refused).toBeUndefined();
  socket.ask();
  expect(socket.steps).toEqual([0, 1, 2, 1]);
  socket.ack(3);
  expect(provider.status.saving).toBe('saved');
});

it('says that the server cannot write, and recovers when it is asked', async () => {
  const { provider, doc, socket } = await online();
  minutes(doc).insert(0, 'a');
  await until(() => socket.steps.length === 3, 'the update');
  socket.refuse(2, 'unavailable');
  expect(provider.status.refused).toBe('unavailable');
  socket.ask();
  expect(provider.status.refused).toBeUndefined();
  socket.ack(3);
  expect(provider.status.saving).toBe('saved');
});

it('says within two seconds that nobody asks for its edits', async () => {
  const { provider, doc, sockets } = await start();
  sockets[0]!.open();
  sockets[0]!.say(wire.step2(Uint8Array.of(0, 0)));
  minutes(doc).insert(0, 'a');
  const before = Date.now();
  await until(() => provider.status.refused === 'unavailable', 'the word', 2_500);
  expect(Date.now() - before).toBeLessThan(2_000);
  // And it asks again by itself.
  expect(sockets[0]!.steps).toEqual([0, 0]);
});

it('tells who may not write so, and sends when they may', async () => {
  const { provider, doc, sockets } = await start();
  const socket = sockets[0]!;
  socket.open({ writable: false });
  socket.say(wire.step2(Uint8Array.of(0, 0)));
  expect(provider.status).toMatchObject({ writable: false, saving: 'saved' });
  minutes(doc).insert(0, 'a');
  await until(() => provider.status.refused === 'read_only', 'the word', 2_500);
  expect(provider.status.saving).not.toBe('saved');
  socket.ask();
  expect(provider.status).toMatchObject({ writable: true, refused: undefined });
  socket.ack(1);
  expect(provider.status.saving).toBe('saved');
});

it('does not believe acknowledgements of an earlier connection', async () => {
  const { provider, doc, sockets, socket } = await online({ random: () => 0 });
  minutes(doc).insert(0, 'a');
  await until(() => socket.steps.length === 3, 'the update');
  socket.end(1006);
  await until(() => sockets.length === 2, 'another socket');
  sockets[1]!.open();
  socket.ack(2);
  sockets[1]!.ack(2);
  expect(provider.status.saving).not.toBe('saved');
  sockets[1]!.join();
  sockets[1]!.ack(1);
  expect(provider.status.saving).toBe('saved');
});

it.each([
  [4401, 'ended'],
  [4403, 'ended'],
  [4404, 'ended'],
  [4503, 'offline'],
  [1006, 'offline'],
  [1012, 'offline'],
])('after close code %i it is %s', async (code, connection) => {
  const { provider, socket } = await online({ random: () => 1 });
  socket.end(code);
  expect(provider.status.connection).toBe(connection);
  expect(provider.status.endedBy).toBe(connection === 'ended' ? code : undefined);
});

it('comes back after a random part of a growing wait', async () => {
  const waits: number[] = [];
  const timeout = vi.spyOn(globalThis, 'setTimeout');
  const { sockets } = await start({ random: () => 0.999 });
  for (let i = 0; i < 2; i += 1) {
    timeout.mockClear();
    sockets.at(-1)!.end(1006);
    waits.push(Math.max(...timeout.mock.calls.map(([, ms]) => ms ?? 0)));
    await until(() => sockets.length === i + 2 || i === 1, 'another socket');
  }
  expect(waits.map(Math.round)).toEqual([250, 500]);
});

it('comes back within the time that a stopping server names', async () => {
  const timeout = vi.spyOn(globalThis, 'setTimeout');
  const { socket } = await online();
  socket.say(Uint8Array.of(MESSAGE.DRAINING, 0x88, 0x27));
  timeout.mockClear();
  socket.end(1012);
  expect(timeout.mock.calls.map(([, ms]) => ms)).toContain(2_500);
});

it('gives up a line that has fallen silent, without waiting for its farewell', async () => {
  const { provider, socket } = await online();
  const later = Date.now() + 31_000;
  vi.spyOn(Date, 'now').mockImplementation(() => later);
  await until(() => socket.readyState === 3, 'the end', 5_000);
  vi.restoreAllMocks();
  await until(() => provider.status.connection !== 'online', 'the end');
});

it('turns to the fallback after two sockets that never spoke, and tries both in turn', async () => {
  const asked: string[] = [];
  const { sockets } = await start({
    random: () => 0,
    fetch: (url) => {
      asked.push(String(url));
      return Promise.reject(new Error('blocked'));
    },
  });
  sockets[0]!.end(1006);
  await until(() => sockets.length === 2, 'a second socket');
  expect(asked).toEqual([]);
  sockets[1]!.end(1006);
  await until(() => sockets.length === 3, 'a third socket, after the fallback');
  expect(asked).toEqual(['http://nowhere.invalid/sync/x/events']);
});

it('never says "on this device" where the browser keeps nothing', async () => {
  vi.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new DOMException('private mode', 'InvalidStateError');
  });
  const { provider, doc, socket } = await online();
  const shown: string[] = [];
  provider.subscribe(() => shown.push(provider.status.saving));
  minutes(doc).insert(0, 'a');
  await until(() => socket.steps.length === 3, 'the update');
  socket.ack(2);
  expect(shown).toEqual(['unsaved', 'saved']);
});

it('says "not saved yet" when the disk is full, and lacks nothing when there is space again', async () => {
  const copyName = device();
  const { provider, doc } = await start({ copyName });
  minutes(doc).insert(0, 'one ');
  await until(() => provider.status.saving === 'on-device', 'on this device');
  const full = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(function (
    this: IDBObjectStore,
  ) {
    this.transaction.abort();
    return {} as IDBRequest<IDBValidKey>;
  });
  minutes(doc).insert(4, 'two ');
  await until(() => full.mock.calls.length > 0, 'a write that fails');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(provider.status.saving).toBe('unsaved');
  full.mockRestore();
  // A later edit alone would succeed, and must not vouch for the one that failed.
  minutes(doc).insert(8, 'three');
  expect(provider.status.saving).toBe('unsaved');
  await until(() => provider.status.saving === 'on-device', 'on this device', 10_000);
  provider.destroy();
  const later = await start({ copyName });
  expect(minutes(later.doc).toString()).toBe('one two three');
  expect(later.provider.status.saving).toBe('on-device');
}, 20_000);

it('leaves no mark where the server was faster than the disk', async () => {
  const copyName = device();
  const { provider, doc, socket } = await online({ copyName });
  // Acknowledged while the disk is at it.
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    ...it
  ) {
    queueMicrotask(() => socket.ack(socket.steps.length - 1));
    return put.apply(this, it);
  });
  minutes(doc).insert(0, 'a');
  await until(() => provider.status.saving === 'saved', 'saved');
  await until(() => idle(provider), 'the disk');
  provider.destroy();
  const later = await start({ copyName });
  expect(minutes(later.doc).toString()).toBe('a');
  expect(later.provider.status.saving).toBe('saved');
});

/** Nothing waits for the disk. */
const idle = (provider: SangamProvider) => {
  const { copy } = provider as unknown as { copy: { busy: boolean; queue: unknown[] } };
  return !copy.busy && copy.queue.length === 0;
};

it('keeps its copy short, and whole', async () => {
  const copyName = device();
  const { provider, doc } = await start({ copyName });
  for (let i = 0; i < 320; i += 1) {
    minutes(doc).insert(minutes(doc).length, `${i} `);
    await until(() => provider.status.saving === 'on-device', 'on this device');
  }
  const words = minutes(doc).toString();
  provider.destroy();
  const later = await start({ copyName });
  expect(minutes(later.doc).toString()).toBe(words);
  const request = indexedDB.open(copyName);
  const db = await new Promise<IDBDatabase>((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const count = db.transaction('updates').objectStore('updates').count();
  const rows = await new Promise<number>((resolve) => {
    count.onsuccess = () => resolve(count.result);
  });
  db.close();
  expect(rows).toBeLessThan(301);
}, 20_000);

it('cuts an update so that each part builds only on those before it', () => {
  const [one, two] = [new Y.Doc(), new Y.Doc()];
  let seed = 3;
  const dice = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let i = 0; i < 2_000; i += 1) {
    const [from, to] = dice(2) ? [one, two] : [two, one];
    if (dice(20) === 0) addIdea(from, 'x'.repeat(dice(300)));
    else if (dice(4) === 0 && minutes(from).length > 9) minutes(from).delete(dice(5), 3);
    else minutes(from).insert(dice(minutes(from).length + 1), 'words ');
    if (dice(3) === 0) Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)));
  }
  Y.applyUpdate(one, Y.encodeStateAsUpdate(two));
  const update = Y.encodeStateAsUpdate(one);
  const messages = parts(update, 4_096);
  expect(messages.length).toBeGreaterThan(5);
  const reader = new Y.Doc();
  for (const message of messages) {
    expect(message.length).toBeLessThanOrEqual(4_096);
    Y.applyUpdate(reader, message);
    expect(reader.store.pendingStructs).toBeNull();
    expect(reader.store.pendingDs).toBeNull();
  }
  expect(canonical(reader)).toBe(canonical(one));
  expect(parts(update, update.length)).toEqual([update]);
});

it('draws client ids of more than 32 bits', async () => {
  const ids: number[] = [];
  for (let i = 0; i < 8; i += 1) ids.push((await start()).doc.clientID);
  expect(ids.every((id) => Number.isSafeInteger(id) && id > 0 && id < 2 ** 48)).toBe(true);
  expect(ids.some((id) => id > 2 ** 32)).toBe(true);
});
