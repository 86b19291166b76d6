// Unmodified y-websocket and yjs against the real binary.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addIdea, ideaText, Server, synced, until, Y } from './harness.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

const canonical = (doc) =>
  JSON.stringify(
    Object.fromEntries(
      ['practices', 'ideas', 'clusters', 'plans'].map((name) => [
        name,
        Object.entries(doc.getMap(name).toJSON()).sort(),
      ]),
    ),
  );

test('a stock provider reads a board', async () => {
  const provider = server.provider(0);
  await synced(provider);
  assert.ok(provider.doc.getMap('ideas').size > 4);
  provider.destroy();
});

test('two stock providers see each other’s words, and agree', async () => {
  const [one, two] = [server.provider(0), server.provider(0, 'participant', 'bengaluru')];
  await Promise.all([synced(one), synced(two)]);
  const first = addIdea(one.doc, 'Bonjour');
  const second = addIdea(two.doc, 'नमस्ते 👍');
  await until(two, () => ideaText(two.doc, first) === 'Bonjour', 'the first idea');
  await until(one, () => ideaText(one.doc, second) === 'नमस्ते 👍', 'the second idea');
  // Letter by letter, into one text, from both sides.
  const texts = [one, two].map(({ doc }) => doc.getMap('ideas').get(first).get('text'));
  for (let i = 0; i < 40; i += 1) {
    texts[0].insert(0, 'a');
    texts[1].insert(texts[1].length, 'b');
    if (i % 10 === 9) texts[i % 20 === 9 ? 0 : 1].delete(2, 3);
  }
  const letters = (text) => text.toString().length;
  const whole = () => canonical(one.doc) === canonical(two.doc) && letters(texts[0]) > 60;
  await until([one, two], whole, 'agreement');
  one.destroy();
  two.destroy();
});

test('presence passes, with the name that the server knows', async () => {
  const [one, two] = [server.provider(1), server.provider(1, 'facilitator', 'bengaluru')];
  await Promise.all([synced(one), synced(two)]);
  two.awareness.setLocalState({ user: { name: 'The minister' }, cursor: { item: 'x' } });
  const seen = () => one.awareness.getStates().get(two.doc.clientID);
  await until(one, () => seen()?.cursor?.item === 'x', 'presence');
  assert.deepEqual(seen().user, { id: null, name: null, role: 'facilitator', site: 'bengaluru' });
  two.destroy();
  await until(one, () => !seen(), 'departure');
  one.destroy();
});

test('undo and redo by Yjs’ own manager are taken', async () => {
  const [one, two] = [server.provider(2), server.provider(2)];
  await Promise.all([synced(one), synced(two)]);
  const manager = new Y.UndoManager(one.doc.getMap('ideas'));
  const id = addIdea(one.doc, 'undone');
  await until(two, () => ideaText(two.doc, id) === 'undone', 'the idea');
  manager.undo();
  await until(two, () => ideaText(two.doc, id) === undefined, 'undo');
  manager.redo();
  await until(two, () => ideaText(two.doc, id) === 'undone', 'redo');
  one.destroy();
  two.destroy();
});

test('work done without a connection arrives when it is back', async () => {
  const [one, two] = [server.provider(3), server.provider(3)];
  await Promise.all([synced(one), synced(two)]);
  one.disconnect();
  const ids = Array.from({ length: 30 }, (_, i) => addIdea(one.doc, `offline ${i}`));
  const meanwhile = addIdea(two.doc, 'meanwhile');
  one.connect();
  await until(two, () => ideaText(two.doc, ids[29]) === 'offline 29', 'offline work');
  await until(one, () => ideaText(one.doc, meanwhile) === 'meanwhile', 'what was missed');
  assert.equal(canonical(one.doc), canonical(two.doc));
  one.destroy();
  two.destroy();
});

test('a read-only viewer reads, is not cut off, and changes nothing', async () => {
  const [viewer, writer] = [server.provider(4, 'screen'), server.provider(4)];
  await Promise.all([synced(viewer), synced(writer)]);
  const own = addIdea(viewer.doc, 'from a screen');
  const id = addIdea(writer.doc, 'for the screen');
  await until(viewer, () => ideaText(viewer.doc, id) === 'for the screen', 'the idea');
  const fresh = server.provider(4);
  await synced(fresh);
  assert.equal(ideaText(fresh.doc, own), undefined);
  assert.ok(viewer.wsconnected);
  [viewer, writer, fresh].forEach((provider) => provider.destroy());
});
