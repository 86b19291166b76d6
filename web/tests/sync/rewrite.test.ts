// Edits that the server refuses as they are: nothing that can be kept is lost, and nobody is misled.

import { afterAll, beforeAll, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Rewrite } from '../../src/sync/rewrite';
import { addIdea, canonical, device, idea, minutes, Page, Server, until } from './server';

let server: Server;
beforeAll(async () => (server = await Server.start()));
afterAll(() => server.stop());

const asha = () => server.url(0, server.token('participant', 'bengaluru'));
const paul = () => server.url(0, server.token('participant', 'paris'));

it('writes unsaved edits anew when somebody else goes on with this device', async () => {
  const name = device();
  const first = new Page(name, asha());
  await first.saved();
  const known = addIdea(first.doc, 'saved by the first');
  await first.saved();
  await server.kill();
  await first.until(() => first.status.connection === 'offline', 'offline');
  const unsaved = addIdea(first.doc, 'left by the first');
  const note = first.doc.getMap('ideas').get(known) as Y.Map<Y.Text>;
  note.get('text')!.insert(0, 'NB ');
  minutes(first.doc).insert(0, 'minutes of the first. ');
  await first.until(() => first.status.saving === 'on-device', 'on this device');
  first.close();
  await server.spawn();
  const second = new Page(name, paul());
  await second.until(() => second.replacements === 1, 'another document');
  await second.saved();
  expect(second.status.refused).toBeUndefined();
  expect(idea(second.doc, unsaved)).toBe('left by the first');
  const other = new Page(device(), paul());
  await other.saved();
  expect(idea(other.doc, unsaved)).toBe('left by the first');
  expect(idea(other.doc, known)).toBe('NB saved by the first');
  expect(minutes(other.doc).toString()).toContain('minutes of the first. ');
  expect(
    minutes(other.doc)
      .toString()
      .match(/minutes of the first/g),
  ).toHaveLength(1);
  await until(() => canonical(other.doc) === canonical(second.doc), 'one board');
  // And both the page and the next visit go on as if nothing had been.
  const next = addIdea(second.doc, 'goes on');
  await other.until(() => idea(other.doc, next) === 'goes on', 'the next idea');
  second.close();
  const third = new Page(name, paul());
  await third.saved();
  expect(third.replacements).toBe(0);
  expect(canonical(third.doc)).toBe(canonical(other.doc));
  third.close();
  other.close();
}, 30_000);

it('leaves one edit out that does not fit, and saves all that came before and after it', async () => {
  const page = new Page(device(), paul());
  const other = new Page(device(), asha());
  await Promise.all([page.saved(), other.saved()]);
  const before = addIdea(page.doc, 'before');
  page.doc.getMap('roles').set('me', 'organiser');
  const after = addIdea(page.doc, 'after');
  await page.until(() => page.replacements === 1, 'another document');
  await page.saved();
  expect(page.status.refused).toBe('schema');
  expect(page.doc.getMap('roles').size).toBe(0);
  await other.until(() => idea(other.doc, after) === 'after', 'what came after');
  expect(idea(other.doc, before)).toBe('before');
  expect(canonical(page.doc)).toBe(canonical(other.doc));
  const later = addIdea(page.doc, 'later');
  await other.until(() => idea(other.doc, later) === 'later', 'the next one');
  // It was never called saved while it was not.
  const misled = page.shown.filter(({ saving, refused }) => saving === 'saved' && refused);
  expect(misled.every(({ refused }) => refused === 'schema')).toBe(true);
  page.close();
  other.close();
}, 30_000);

it('keeps what fits when a text is full', async () => {
  const page = new Page(device(), paul());
  const other = new Page(device(), asha());
  await Promise.all([page.saved(), other.saved()]);
  const id = addIdea(page.doc, 'x'.repeat(1_990));
  await other.until(() => idea(other.doc, id) !== undefined, 'the idea');
  // Both have room for their own words, and there is none for both.
  await server.kill();
  const text = (doc: Y.Doc) => (doc.getMap('ideas').get(id) as Y.Map<Y.Text>).get('text')!;
  text(page.doc).insert(0, 'pagepage');
  text(other.doc).insert(0, 'othersss');
  const kept = addIdea(page.doc, 'kept');
  const keptToo = addIdea(other.doc, 'kept, too');
  await server.spawn();
  await Promise.all([page.saved(), other.saved()]);
  await until(() => canonical(page.doc) === canonical(other.doc), 'one board');
  expect(idea(page.doc, id)).toHaveLength(1_998);
  expect(idea(other.doc, kept)).toBe('kept');
  expect(idea(page.doc, keptToo)).toBe('kept, too');
  expect([page, other].filter((p) => p.status.refused === 'too_large')).toHaveLength(1);
  page.close();
  other.close();
}, 30_000);

it('leaves out one edit that is larger than any message, and stays connected', async () => {
  const page = new Page(device(), paul());
  await page.saved();
  minutes(page.doc).insert(0, 'x'.repeat(1_200_000));
  const id = addIdea(page.doc, 'beside it');
  await page.until(() => page.replacements === 1, 'another document');
  await page.saved();
  expect(page.status.refused).toBe('too_large');
  expect(minutes(page.doc).length).toBeLessThan(200_000);
  const other = new Page(device(), asha());
  await other.until(() => idea(other.doc, id) === 'beside it', 'the idea');
  page.close();
  other.close();
}, 30_000);

it('writes live edits anew while somebody types on', async () => {
  // The page of one person goes on under another's session: all that it writes is refused.
  const name = device();
  const page = new Page(name, asha());
  await page.saved();
  addIdea(page.doc, 'claims the id');
  await page.saved();
  (page.provider as unknown as { options: { url: string } }).options.url = paul();
  await server.kill();
  await server.spawn();
  const typed: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    typed.push(addIdea(page.doc, `typed ${i}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await page.until(() => page.replacements === 1, 'another document');
  await page.saved();
  const other = new Page(device(), paul());
  await other.saved();
  expect(typed.filter((id) => idea(other.doc, id) === undefined)).toEqual([]);
  expect(canonical(other.doc)).toBe(canonical(page.doc));
  page.close();
  other.close();
}, 30_000);

it('begins again after a cut and writes nothing twice', async () => {
  let seed = 1;
  const dice = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let round = 0; round < 100; round += 1) {
    const base = new Y.Doc();
    base.getText('minutes').insert(0, 'what the server has');
    const serverDoc = new Y.Doc();
    Y.applyUpdate(serverDoc, Y.encodeStateAsUpdate(base));
    const [doc, tab] = [new Y.Doc(), new Y.Doc()];
    for (const d of [doc, tab]) Y.applyUpdate(d, Y.encodeStateAsUpdate(base));
    for (let i = 0; i < 30; i += 1) {
      const [d, e] = dice(2) ? [doc, tab] : [tab, doc];
      const text = minutes(d);
      const at = dice(text.length);
      if (dice(4) === 0) text.delete(at, Math.min(3, text.length - at));
      else if (dice(3) === 0) addIdea(d, `idea ${i}`);
      else text.insert(at, String.fromCharCode(97 + dice(26)).repeat(1 + dice(4)));
      if (dice(2)) Y.applyUpdate(e, Y.encodeStateAsUpdate(d, Y.encodeStateVector(e)));
    }
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(tab));
    const rewrite = new Rewrite(9_000_000_000 + round);
    let fresh = new Y.Doc();
    for (let done = false, tries = 0; !done; tries += 1) {
      expect(tries).toBeLessThan(200);
      fresh = new Y.Doc();
      Y.applyUpdate(fresh, Y.encodeStateAsUpdate(serverDoc));
      done = await rewrite.run(doc, fresh, (update) => {
        const fate = tries < 100 ? dice(3) : 2;
        if (fate === 0) return Promise.resolve('lost');
        Y.applyUpdate(serverDoc, update);
        return Promise.resolve(fate === 1 ? 'lost' : 'taken');
      });
    }
    expect(rewrite.leftOut).toBe(0);
    expect(canonical(serverDoc)).toBe(canonical(doc));
    expect(canonical(fresh)).toBe(canonical(doc));
    expect(serverDoc.store.pendingStructs).toBeNull();
    // Another tab, which has even seen some of it twice, adds nothing and strikes nothing out.
    Y.applyUpdate(tab, Y.encodeStateAsUpdate(doc));
    Y.applyUpdate(tab, Y.encodeStateAsUpdate(serverDoc));
    const second = new Rewrite(8_000_000_000 + round);
    second.adopt(structuredClone(rewrite.table));
    await second.run(tab, fresh, () => Promise.resolve('taken'));
    expect(second.taken).toBe(0);
    expect(canonical(fresh)).toBe(canonical(serverDoc));
  }
}, 30_000);
