// Honest people at one board, as real Yjs clients: they type, set, delete, undo, lose their
// connection and come back. The server is the room of `server/tests/yjs.rs`, at the other end of
// the pipe. At the end all of them, and the room read back from its log, must say the same.
//
// schedules.mjs FIRST_SEED COUNT

import * as decoding from '../../web/node_modules/lib0/decoding.js';
import * as encoding from '../../web/node_modules/lib0/encoding.js';
import * as sync from '../../web/node_modules/y-protocols/sync.js';
import * as Y from '../../web/node_modules/yjs/dist/yjs.mjs';
import { canonical, pending, TABLES } from './canonical.mjs';
import { read, write } from './pipe.mjs';

const OPEN = 0;
const CONNECT = 1;
const FRAME = 2;
const DISCONNECT = 3;
const LOAD = 4;

const SERVER = 'server';
const WORDS = ['a', 'é', 'plan ', 'données', 'नमस्ते', '👍', '👩🏽‍💻', '\n', '- idée\n', 'ki'];

/** mulberry32: a run with one seed is one run. */
function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)], chance: (p) => next() < p };
}

class Person {
  constructor(index, rng, fail) {
    this.index = index;
    this.rng = rng;
    this.fail = fail;
    this.online = false;
    this.inbox = [];
    this.outbox = [];
    this.rows = new Set();
    this.doc = new Y.Doc();
    // Some ids are small, most are not: the order of ids decides who comes first.
    this.doc.clientID = rng.chance(0.2) ? 10 + rng.below(90) * 5 + index : rng.below(2 ** 32);
    this.doc.on('update', (update, origin) => {
      if (origin !== SERVER && this.online) this.say((out) => sync.writeUpdate(out, update));
    });
    if (rng.chance(0.6)) {
      const scope = [...TABLES.map((name) => this.doc.getMap(name)), this.doc.getText('minutes')];
      this.undo = new Y.UndoManager(scope, { captureTimeout: rng.chance(0.5) ? 0 : 10_000 });
    }
  }

  say(body) {
    const out = encoding.createEncoder();
    encoding.writeVarUint(out, 0);
    body(out);
    this.outbox.push(encoding.toUint8Array(out));
  }

  connect() {
    this.online = true;
    this.say((out) => sync.writeSyncStep1(out, this.doc));
  }

  cut() {
    this.online = false;
    this.inbox = [];
    this.outbox = [];
  }

  hear(frame) {
    const input = decoding.createDecoder(frame);
    const kind = decoding.readVarUint(input);
    if (kind === 122) {
      // What was written before the first answer came builds upon what was written offline: the
      // server asks for that, and gets both.
      const refusal = JSON.parse(decoding.readVarString(input));
      if (refusal.code !== 'gap') this.fail(`refused: ${JSON.stringify(refusal)}`);
    }
    if (kind !== 0) return;
    const out = encoding.createEncoder();
    encoding.writeVarUint(out, 0);
    sync.readSyncMessage(input, out, this.doc, SERVER, (error) => this.fail(error.stack));
    if (encoding.length(out) > 1) this.outbox.push(encoding.toUint8Array(out));
    if (pending(this.doc)) this.fail('a browser waits for what it will never get');
  }

  /** One thing that somebody does. */
  act() {
    const { rng, doc } = this;
    const edit = rng.pick(EDITS);
    const times = rng.chance(0.2) ? 1 + rng.below(5) : 1;
    if (rng.chance(0.3)) doc.transact(() => repeat(times, () => edit(this)));
    else repeat(times, () => edit(this));
  }

  row(table) {
    const map = this.doc.getMap(table);
    const keys = [...map.keys()].sort();
    return keys.length === 0 ? undefined : map.get(this.rng.pick(keys));
  }

  uuid() {
    const hex = () => this.rng.below(16).toString(16);
    return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, hex);
  }

  type(text) {
    const { rng } = this;
    if (!text) return;
    const length = text.length;
    if (length > 0 && rng.chance(0.35)) {
      const at = rng.below(length);
      text.delete(at, 1 + rng.below(Math.min(6, length - at)));
    } else if (length < 250) {
      let at = rng.chance(0.5) ? length : rng.below(length + 1);
      // Word by word, or letter by letter as people do.
      const word = rng.pick(WORDS);
      for (const part of rng.chance(0.5) ? [word] : word) {
        text.insert(at, part);
        at += part.length;
      }
    }
  }
}

const repeat = (times, act) => {
  for (let i = 0; i < times; i += 1) act();
};

const orders = ['a0', 'a1', 'Zz', 'a0V', 'b12'];

const EDITS = [
  (p) => p.type(p.doc.getText('minutes')),
  (p) => p.type(p.doc.getText('minutes')),
  (p) => p.type(p.doc.getText('question')),
  (p) => p.type(p.row('ideas')?.get('text')),
  (p) => p.type(p.row('ideas')?.get('text')),
  (p) => p.type(p.row('clusters')?.get('name')),
  (p) => p.type(p.row('plans')?.get(p.rng.pick(['title', 'problem']))),
  (p) => p.type(p.row('plans')?.get('firstStep')?.get('text')),
  (p) => p.row('ideas')?.set('order', p.rng.pick(orders)),
  (p) => p.row('ideas')?.set('order', p.rng.pick(orders)),
  (p) => p.row('ideas')?.set('deletedAt', 1_649_412_000_000 + p.rng.below(1e9)),
  (p) => p.row('ideas')?.set('deletedAt', null),
  (p) => p.row('ideas')?.delete('deletedAt'),
  (p) => p.row('ideas')?.set('clusterId', p.rng.pick([...p.doc.getMap('clusters').keys(), null])),
  (p) => {
    const cluster = p.row('clusters');
    cluster?.set('effort', p.rng.below(101) / 100);
    cluster?.set('impact', p.rng.below(101) / 100);
  },
  (p) => {
    const translations = p.row('ideas')?.get('translations');
    const language = p.rng.pick(['fr', 'en', 'hi']);
    if (!translations) return;
    if (translations.has(language)) p.type(translations.get(language));
    else translations.set(language, new Y.Text('traduit'));
  },
  (p) => {
    const plan = p.row('plans');
    plan?.set('dueDate', `2022-0${4 + p.rng.below(5)}-11`);
    plan?.set('status', p.rng.pick(['not_started', 'limited', 'complete']));
  },
  (p) =>
    p
      .row('plans')
      ?.get('lead')
      ?.set('name', p.rng.pick(['Asha', 'Élodie'])),
  (p) => {
    const milestones = p.row('plans')?.get('milestones');
    if (!milestones) return;
    const keys = [...milestones.keys()];
    if (keys.length > 0 && p.rng.chance(0.4)) milestones.delete(p.rng.pick(keys));
    else {
      const row = new Y.Map();
      row.set('title', new Y.Text('jalon'));
      row.set('due', '2022-05-02');
      milestones.set(p.uuid(), row);
    }
  },
  (p) => add(p, p.rng.pick(['ideas', 'practices']), note),
  (p) => add(p, 'ideas', note),
  (p) => add(p, 'clusters', cluster),
  (p) => add(p, 'plans', plan),
  (p) => {
    // Only whoever made a row deletes it for good.
    const [table, id] = p.rng.pick([...p.rows, 'ideas/none']).split('/');
    p.doc.getMap(table).delete(id);
  },
  (p) => p.undo?.undo(),
  (p) => p.undo?.redo(),
  (p) => p.undo?.stopCapturing(),
];

function add(person, table, fill) {
  const id = person.uuid();
  person.rows.add(`${table}/${id}`);
  person.doc.transact(() => {
    const row = new Y.Map();
    if (person.rng.chance(0.5)) {
      fill(row, person);
      person.doc.getMap(table).set(id, row);
    } else {
      person.doc.getMap(table).set(id, row);
      fill(row, person);
    }
  });
}

function note(row, { rng }) {
  row.set('text', new Y.Text(rng.chance(0.5) ? rng.pick(WORDS) : ''));
  row.set('translations', new Y.Map());
  row.set('translationMeta', new Y.Map());
  row.set('order', rng.pick(orders));
  row.set('siteId', rng.pick(['paris', 'bengaluru']));
  row.set('createdAt', 1_649_412_000_000);
}

function cluster(row, { rng }) {
  row.set('name', new Y.Text(rng.pick(WORDS)));
  row.set('order', rng.pick(orders));
}

function plan(row) {
  for (const key of ['title', 'problem', 'description']) row.set(key, new Y.Text());
  for (const key of ['lead', 'milestones', 'risks', 'originIdeas']) row.set(key, new Y.Map());
  const step = new Y.Map();
  step.set('text', new Y.Text('Appeler'));
  row.set('firstStep', step);
  row.set('ref', '4.1');
}

function ask(operation, ...parts) {
  write([operation], ...parts);
  const answer = read();
  if (answer === null) throw new Error('the server is gone');
  return answer;
}

function run(seed) {
  const rng = random(seed);
  const fail = (what) => {
    throw new Error(`seed ${seed}: ${what}`);
  };
  ask(OPEN);
  const people = Array.from({ length: 2 + rng.below(3) }, (_, i) => new Person(i, rng, fail));
  let edits = 0;

  /** Sends one frame, and puts what the server answers into inboxes. */
  const send = (person) => {
    const frame = person.outbox.shift();
    if (frame === undefined) return false;
    const answer = ask(FRAME, [person.index], frame);
    for (let at = 0; at < answer.length;) {
      const to = people[answer[at]];
      const length = answer.readUInt32LE(at + 1);
      // A length beyond any frame stands for a close.
      if (length === 0xffffffff) fail(`the server closed client ${to.index}`);
      to.inbox.push(Uint8Array.from(answer.subarray(at + 5, at + 5 + length)));
      at += 5 + length;
    }
    return true;
  };
  const deliver = (person) => {
    const frame = person.inbox.shift();
    if (frame !== undefined) person.hear(frame);
    return frame !== undefined;
  };
  const connect = (person) => {
    ask(CONNECT, [person.index]);
    person.connect();
  };

  const steps = 20 + rng.below(60);
  people.forEach((person) => rng.chance(0.8) && connect(person));
  for (let step = 0; step < steps; step += 1) {
    const person = rng.pick(people);
    const what = rng.below(20);
    if (what < 10) {
      person.act();
      edits += 1;
    } else if (what < 14) repeat(1 + rng.below(4), () => send(person));
    else if (what < 18) repeat(1 + rng.below(6), () => deliver(person));
    else if (person.online) {
      person.cut();
      ask(DISCONNECT, [person.index]);
    } else connect(person);
  }
  people.filter((person) => !person.online).forEach(connect);
  for (let busy = true, rounds = 0; busy; rounds += 1) {
    if (rounds > 10_000) fail('it never comes to rest');
    busy = false;
    for (const person of people) busy = send(person) || deliver(person) || busy;
  }

  const expected = canonical(people[0].doc);
  for (const person of people) {
    if (canonical(person.doc) !== expected) fail(`client ${person.index} says something else`);
  }
  const answer = ask(LOAD);
  const said = answer.subarray(4, 4 + answer.readUInt32LE(0)).toString();
  if (said !== expected) fail(`the log says ${said}\nand Yjs ${expected}`);
  const fresh = new Y.Doc();
  Y.applyUpdate(fresh, Uint8Array.from(answer.subarray(4 + answer.readUInt32LE(0))));
  if (pending(fresh)) fail('the state makes a browser wait');
  if (canonical(fresh) !== expected) fail('the state says something else');
  people.forEach((person) => person.doc.destroy());
  return edits;
}

const [first, count] = process.argv.slice(2).map(Number);
let edits = 0;
for (let seed = first; seed < first + count; seed += 1) edits += run(seed);
console.error(`${count} schedules, ${edits} edits: Yjs and the log agree`);
