// Writes the corpus that seeds the fuzzing of `server/tests/fuzz.rs`: what real Yjs 13 sends, of
// boards and of documents that are none. `node tests/fuzz/make-corpus.mjs` writes the same again.

import { mkdirSync, writeFileSync } from 'node:fs';
import * as awareness from '../../web/node_modules/y-protocols/awareness.js';
import * as sync from '../../web/node_modules/y-protocols/sync.js';
import * as encoding from '../../web/node_modules/lib0/encoding.js';
import * as Y from '../../web/node_modules/yjs/dist/yjs.mjs';

const folder = new URL('./corpus/', import.meta.url);
mkdirSync(folder, { recursive: true });
const save = (name, bytes) => writeFileSync(new URL(`${name}.bin`, folder), bytes);

const IDS = Array.from({ length: 4 }, (_, i) => `0190f1e2-0000-7000-8000-00000000000${i}`);

function document(client, write) {
  const doc = new Y.Doc();
  doc.clientID = client;
  write(doc);
  return doc;
}

const note = (doc, id, words) =>
  doc.transact(() => {
    const row = new Y.Map();
    doc.getMap('ideas').set(id, row);
    row.set('text', new Y.Text(words));
    row.set('translations', new Y.Map());
    row.set('order', 'a0');
    row.set('createdAt', 1_649_412_000_000);
  });

const boards = {
  empty: () => {},
  typing: (doc) => [...'Bonjour à tous'].forEach((c, i) => doc.getText('minutes').insert(i, c)),
  prepending: (doc) => [...'olleH'].forEach((c) => doc.getText('minutes').insert(0, c)),
  emoji: (doc) => {
    doc.getText('minutes').insert(0, 'a👩🏽‍💻b👍c');
    doc.getText('minutes').delete(1, 3);
    doc.getText('minutes').insert(2, 'नमस्ते');
  },
  notes: (doc) => IDS.forEach((id, i) => note(doc, id, `idée ${i}`)),
  moved: (doc) => {
    note(doc, IDS[0], 'moved');
    ['a1', 'a2', 'Zz'].forEach((order) => doc.getMap('ideas').get(IDS[0]).set('order', order));
    doc.getMap('ideas').get(IDS[0]).delete('order');
  },
  removed: (doc) => {
    note(doc, IDS[0], 'gone');
    note(doc, IDS[1], 'stays');
    doc.getMap('ideas').delete(IDS[0]);
  },
  undone: (doc) => {
    const manager = new Y.UndoManager(doc.getMap('ideas'), { captureTimeout: 0 });
    note(doc, IDS[0], 'undone');
    ['a1', 'a2', 'a3'].forEach((order) => doc.getMap('ideas').get(IDS[0]).set('order', order));
    manager.undo();
    manager.undo();
    manager.redo();
  },
  plan: (doc) => {
    const plan = new Y.Map();
    doc.getMap('plans').set(IDS[2], plan);
    plan.set('title', new Y.Text('Ouvrir le code'));
    const step = new Y.Map();
    plan.set('firstStep', step);
    step.set('text', new Y.Text('Appeler'));
    step.set('due', '2022-04-11');
    plan.set('effort', 0.25);
    plan.set('status', null);
  },
};

const others = {
  formatted: (doc) => doc.getText('t').insert(0, 'bold', { bold: true }),
  embedded: (doc) => doc.getText('t').insertEmbed(0, { image: 'x' }),
  array: (doc) => doc.getArray('a').push([1, 2.5, 'x', { a: [null, true], n: 2n ** 40n }]),
  binary: (doc) => doc.getMap('m').set('k', new Uint8Array([1, 2, 3])),
  xml: (doc) => doc.getXmlFragment('x').insert(0, [new Y.XmlElement('p'), new Y.XmlText('t')]),
  subdocument: (doc) => doc.getMap('m').set('d', new Y.Doc({ guid: 'sub' })),
};

let client = 100;
for (const [name, write] of Object.entries({ ...boards, ...others })) {
  const deltas = [];
  const doc = document((client += 37), (fresh) => {
    fresh.on('update', (update) => deltas.push(update));
    write(fresh);
  });
  save(`update-${name}`, Y.encodeStateAsUpdate(doc));
  if (deltas.length > 0) save(`update-${name}-last`, deltas.at(-1));
  save(`state-vector-${name}`, Y.encodeStateVector(doc));
}

// Two people at once, the second version of the encoding, and an update that starts late.
const one = document(7, boards.notes);
const two = document(2 ** 32 - 5, (doc) => Y.applyUpdate(doc, Y.encodeStateAsUpdate(one)));
one.getMap('ideas').get(IDS[0]).get('text').insert(2, 'one');
two.getMap('ideas').get(IDS[0]).get('text').insert(2, 'two');
const late = Y.encodeStateAsUpdate(two, Y.encodeStateVector(one));
save('update-concurrent', Y.mergeUpdates([Y.encodeStateAsUpdate(one), late]));
save('update-late', late);
save('update-v2', Y.encodeStateAsUpdateV2(one));
save('state-vector-two', Y.encodeStateVector(two));

const presence = new awareness.Awareness(one);
presence.setLocalState({ user: { name: 'Asha', id: null }, cursor: { item: IDS[0], at: 3 } });
const present = awareness.encodeAwarenessUpdate(presence, [one.clientID]);
save('awareness-one', present);
presence.setLocalState(null);
save('awareness-goodbye', awareness.encodeAwarenessUpdate(presence, [one.clientID]));
presence.destroy();

function frame(name, kind, body) {
  const out = encoding.createEncoder();
  encoding.writeVarUint(out, kind);
  body(out);
  save(`frame-${name}`, encoding.toUint8Array(out));
}
frame('step-1', 0, (out) => sync.writeSyncStep1(out, two));
frame('step-2', 0, (out) => sync.writeSyncStep2(out, one));
frame('update', 0, (out) => sync.writeUpdate(out, late));
frame('awareness', 1, (out) => encoding.writeVarUint8Array(out, present));
frame('query', 3, () => undefined);
frame('auth', 2, (out) => encoding.writeVarString(out, 'denied'));
