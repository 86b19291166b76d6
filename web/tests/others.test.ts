import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Arrivals } from '../src/board/arrivals';
import { Board } from '../src/board/board';
import { Gazette, NEWS_INTERVAL_MS, type Tally } from '../src/board/news';
import { hearOthers, type Heard } from '../src/board/others';
import { similar } from '../src/board/similar';

const person = (last: string) => `0190f1e2-0000-7000-8000-00000000000${last}`;
const boardOf = (id: string) =>
  new Board(new Y.Doc(), { id: person(id), site: 'paris', lang: 'fr' });

/** Two people on one board, of whom the first one listens. */
function two() {
  const [mine, theirs] = [boardOf('a'), boardOf('b')];
  const heard: Heard[] = [];
  hearOthers(mine, (all) => heard.push(...all));
  const pass = () => {
    Y.applyUpdate(theirs.doc, Y.encodeStateAsUpdate(mine.doc, Y.encodeStateVector(theirs.doc)));
    Y.applyUpdate(mine.doc, Y.encodeStateAsUpdate(theirs.doc, Y.encodeStateVector(mine.doc)));
  };
  return { mine, theirs, heard, pass };
}

it('hears what others do, as one thing per item, and nothing of my own', () => {
  const { mine, theirs, heard, pass } = two();
  mine.addNote('ideas', 'mine');
  const id = theirs.addNote('ideas', 'theirs');
  const cluster = theirs.addCluster('heap');
  theirs.moveToCluster(id, cluster);
  pass();
  expect(heard).toEqual([
    { table: 'ideas', id, deed: 'added' },
    { table: 'clusters', id: cluster, deed: 'added' },
  ]);
  heard.length = 0;
  (theirs.item('ideas', id)?.get('text') as Y.Text).insert(0, 'still ');
  pass();
  theirs.moveToCluster(id, null);
  pass();
  theirs.remove('ideas', id);
  pass();
  theirs.restore('ideas', id);
  pass();
  expect(heard.map(({ deed }) => deed)).toEqual(['edited', 'moved', 'deleted', 'restored']);
});

it('keeps back what others add until it is asked for, and nothing else', () => {
  const { mine, theirs, pass } = two();
  const arrivals = new Arrivals(mine, person('a'));
  hearOthers(mine, (all) => arrivals.hear(all));
  const told = vi.fn();
  arrivals.subscribe(told);
  const own = mine.addNote('ideas', 'mine');
  const ids = ['one', 'two'].map((text) => theirs.addNote('ideas', text));
  const gone = theirs.addNote('ideas', 'three');
  const cluster = theirs.addCluster('heap');
  pass();
  expect(arrivals.of('ideas')).toEqual([...ids, gone]);
  expect([own, cluster].map((id) => arrivals.waits(id))).toEqual([false, false]);
  theirs.remove('ideas', gone);
  pass();
  expect(arrivals.of('ideas')).toEqual(ids);
  // Should I bring it back myself, it is there at once.
  expect(arrivals.waits(gone)).toBe(false);
  told.mockClear();
  expect(arrivals.reveal('ideas')).toEqual(ids);
  expect(told).toHaveBeenCalledOnce();
  expect(arrivals.of('ideas')).toEqual([]);
});

it('does not keep back what I wrote on another device', () => {
  const mine = boardOf('a');
  const phone = boardOf('a');
  const arrivals = new Arrivals(mine, person('a'));
  hearOthers(mine, (all) => arrivals.hear(all));
  phone.addNote('practices', 'from my phone');
  Y.applyUpdate(mine.doc, Y.encodeStateAsUpdate(phone.doc));
  expect(arrivals.of('practices')).toEqual([]);
});

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('announces in batches, and never more often than it may', () => {
  const { mine, theirs, pass } = two();
  const said: Tally[] = [];
  const gazette = new Gazette(mine, person('a'), (tally) => said.push(tally));
  hearOthers(mine, (all) => gazette.hear(all));
  for (const text of ['one', 'two', 'three']) {
    const id = theirs.addNote('ideas', text);
    pass();
    (theirs.item('ideas', id)?.get('text') as Y.Text).insert(0, 'edited ');
    pass();
  }
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual([new Map([['added', new Map([['ideas', 3]])]])]);
  theirs.addCluster('heap');
  pass();
  vi.advanceTimersByTime(NEWS_INTERVAL_MS - 1);
  expect(said).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(said).toHaveLength(2);
});

it('announces what concerns me alone, or nothing, where I wish so', () => {
  const { mine, theirs, pass } = two();
  const said: Tally[] = [];
  const gazette = new Gazette(mine, person('a'), (tally) => said.push(tally));
  hearOthers(mine, (all) => gazette.hear(all));
  gazette.mode = 'mine';
  const own = mine.addNote('ideas', 'mine');
  pass();
  theirs.addNote('ideas', 'theirs');
  theirs.moveToCluster(own, theirs.addCluster('heap'));
  pass();
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual([new Map([['moved', new Map([['ideas', 1]])]])]);
  gazette.mode = 'none';
  theirs.remove('ideas', own);
  pass();
  vi.advanceTimersByTime(60_000);
  expect(said).toHaveLength(1);
});

it('proposes notes that may say the same, in three languages, and no others', () => {
  const notes = [
    { id: 'a', text: 'Traduire les épreuves de Pix en hindi' },
    { id: 'b', text: 'Une traduction en hindi des épreuves' },
    { id: 'c', text: 'Ouvrir un bureau à Bengaluru' },
    { id: 'd', text: 'Translate the tests of Pix into Hindi' },
    { id: 'e', text: 'पिक्स के प्रश्नों का हिन्दी अनुवाद करना' },
  ];
  const rest = (id: string) => notes.filter((note) => note.id !== id);
  expect(similar(notes[1]!.text, rest('b'), 3)).toEqual(['a']);
  expect(similar('The tests of Pix, translated to Hindi', notes, 3)).toEqual(['d']);
  expect(similar('हिन्दी में प्रश्नों का अनुवाद', notes, 3)).toEqual(['e']);
  expect(similar('Bengaluru', notes, 3)).toEqual([]);
});
