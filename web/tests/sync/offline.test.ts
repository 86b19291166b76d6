// What a device holds while the network, the server or its past is away.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as Y from 'yjs';
import { addIdea, canonical, device, idea, minutes, Page, run, Server, until } from './server';

let server: Server;
beforeAll(async () => (server = await Server.start()));
afterAll(() => server.stop());

it('merges eight hours without network with what others wrote meanwhile', async () => {
  const away = new Page(device(), server.url(0));
  const here = new Page(device(), server.url(0));
  await Promise.all([away.saved(), here.saved()]);
  // The network is gone for one of them: the page goes on, and is even closed and opened again.
  const name = device();
  const offline = 'ws://127.0.0.1:9/sync/none';
  const first = new Page(name, offline, { documentId: server.board(0) });
  Y.applyUpdate(first.doc, Y.encodeStateAsUpdate(away.doc));
  away.close();
  const ideas: string[] = [];
  let random = 7;
  const dice = (n: number) => (random = (random * 48_271) % 2_147_483_647) % n;
  for (let i = 0; i < 4_000; i += 1) {
    const text = minutes(first.doc);
    if (i % 40 === 0) ideas.push(addIdea(first.doc, `offline ${i}`));
    else if (i % 7 === 0 && text.length > 20) text.delete(dice(text.length - 10), 5);
    else text.insert(dice(text.length + 1), `a${i % 10} `);
    if (i % 500 === 0) await first.until(() => first.status.saving !== 'saved', 'not saved');
  }
  await first.until(() => first.status.saving === 'on-device', 'on this device');
  expect(first.shown.every(({ saving }) => saving !== 'saved')).toBe(true);
  const words = minutes(first.doc).toString();
  first.close();
  // Meanwhile more edits than a log keeps before it is compacted.
  const others = [here, ...Array.from({ length: 5 }, () => new Page(device(), server.url(0)))];
  for (let round = 0; round < 350; round += 1) {
    for (const page of others) minutes(page.doc).insert(0, 'h');
    if (round % 70 === 0) addIdea(here.doc, `here ${round}`);
    await Promise.all(others.map((page) => page.saved()));
  }
  others.slice(1).forEach((page) => page.close());
  // A busy room puts its snapshot off until it is calm.
  await expect
    .poll(
      async () =>
        Number((await run('python3', ['-c', SNAPSHOTS, join(server.data, 'sangam.db')])).stdout),
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0);
  const second = new Page(name, server.url(0));
  await second.until(() => second.status.loaded, 'the copy');
  expect(minutes(second.doc).toString()).toBe(words);
  expect(second.status.saving).not.toBe('saved');
  await second.saved();
  await here.until(() => ideas.every((id) => idea(here.doc, id) !== undefined), 'all ideas');
  await until(() => canonical(here.doc) === canonical(second.doc), 'one board');
  expect(minutes(here.doc).toString()).toContain('hhhh');
  // A third one, from the server's disk alone.
  await server.kill();
  await server.spawn();
  const third = new Page(device(), server.url(0));
  await third.saved();
  expect(minutes(third.doc).toString()).toBe(minutes(second.doc).toString());
  expect(ideas.every((id) => idea(third.doc, id) !== undefined)).toBe(true);
  [here, second, third].forEach((page) => page.close());
}, 60_000);

it('sends offline work that is larger than one message', async () => {
  const page = new Page(device(), 'ws://127.0.0.1:9/sync/none', { documentId: server.board(1) });
  const sizes: number[] = [];
  const ids = Array.from({ length: 1_000 }, (_, i) => addIdea(page.doc, `${i} ${'é'.repeat(900)}`));
  expect(Y.encodeStateAsUpdate(page.doc).length).toBeGreaterThan(1_500_000);
  const state = Y.encodeStateAsUpdate(page.doc);
  page.close();
  const online = new Page(device(), server.url(1));
  online.provider.subscribe(() => sizes.push(online.status.waiting));
  Y.applyUpdate(online.doc, state, 'pasted');
  await online.saved();
  const other = new Page(device(), server.url(1));
  await other.saved();
  expect(ids.every((id) => idea(other.doc, id) !== undefined)).toBe(true);
  online.close();
  other.close();
}, 30_000);

it('offers everything again when the server comes back from a backup', async () => {
  const backup = mkdtempSync(join(tmpdir(), 'sangam-backup-'));
  const old = await Server.start();
  const [ann, bob] = [device(), device()];
  let a = new Page(ann, old.url(0));
  const b = new Page(bob, old.url(0));
  await Promise.all([a.saved(), b.saved()]);
  const before = addIdea(a.doc, 'in the backup');
  await a.saved();
  await b.until(() => idea(b.doc, before) !== undefined, 'the idea');
  await old.kill('SIGTERM');
  old.copyTo(backup);
  await old.spawn();
  await Promise.all([a.saved(), b.saved()]);
  const after = addIdea(a.doc, 'after the backup');
  await a.saved();
  await b.until(() => idea(b.doc, after) !== undefined, 'the idea');
  minutes(b.doc).insert(0, 'b was here. ');
  const deleted = minutes(a.doc).length;
  await b.saved();
  await a.until(() => minutes(a.doc).toString().startsWith('b was here'), 'the minutes');
  minutes(a.doc).delete(0, 2);
  await a.saved();
  await b.until(() => minutes(b.doc).toString().startsWith('was here'), 'the deletion');
  expect(minutes(a.doc).length).toBe(deleted + 12 - 2);
  // One page stays open, the other is closed: its device has saved everything, and forgets nothing.
  a.close();
  await old.kill();
  await run('python3', ['-c', RESTORE, old.data, backup]);
  const restored = b.shown.length;
  await old.spawn();
  await b.until(() => b.shown.slice(restored).some((s) => s.saving !== 'saved'), 'all is unsaved');
  await b.saved();
  expect(idea(b.doc, after)).toBe('after the backup');
  const fresh = new Page(device(), old.url(0));
  await fresh.until(() => idea(fresh.doc, after) === 'after the backup', 'what the backup lacked');
  await fresh.saved();
  expect(minutes(fresh.doc).toString()).toBe(minutes(b.doc).toString());
  expect(minutes(fresh.doc).toString().startsWith('was here')).toBe(true);
  // The other device comes back; it remembers the old life of the store.
  a = new Page(ann, old.url(0));
  await a.until(() => a.shown.some((s) => s.saving !== 'saved'), 'all is unsaved here, too');
  await a.saved();
  const last = addIdea(a.doc, 'goes on');
  await fresh.until(() => idea(fresh.doc, last) === 'goes on', 'the next idea');
  [a, b, fresh].forEach((page) => page.close());
  await old.stop();
}, 60_000);

const SNAPSHOTS = `
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM snapshots').fetchone()[0])
`;

/** The store as it was, in a new life: what a restore does. */
const RESTORE = `
import glob, os, shutil, sqlite3, sys, uuid
live, backup = sys.argv[1:]
for path in glob.glob(os.path.join(live, '*')):
    if os.path.isfile(path): os.remove(path)
for path in glob.glob(os.path.join(backup, '*')):
    if os.path.isfile(path): shutil.copy(path, live)
db = sqlite3.connect(os.path.join(live, 'sangam.db'))
changed = db.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(uuid.uuid4()),))
assert changed.rowcount == 1
db.commit()
db.close()
`;
