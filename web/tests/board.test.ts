import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { Board, byOrder } from '../src/board/board';
import { Changes } from '../src/board/observe';

const me = { id: '0190f1e2-0000-7000-8000-00000000000a', site: 'paris', lang: 'fr' };
const fresh = () => new Board(new Y.Doc(), me, () => 1_649_412_000_000);
const text = (board: Board, table: 'ideas', id: string) =>
  String(board.item(table, id)?.get('text'));

it('makes a note with all of its containers', () => {
  const board = fresh();
  const id = board.addNote('ideas', 'Bonjour');
  expect(board.item('ideas', id)?.toJSON()).toEqual({
    text: 'Bonjour',
    translations: {},
    translationMeta: {},
    lang: 'fr',
    order: 'a0',
    createdAt: 1_649_412_000_000,
    authorId: me.id,
    siteId: 'paris',
  });
});

it('keeps what is added in order, and moves it by one', () => {
  const board = fresh();
  const ids = ['a', 'b', 'c'].map((word) => board.addNote('ideas', word));
  expect(board.ids('ideas')).toEqual(ids);
  board.step('ideas', ids[2]!, -1, ids);
  expect(board.ids('ideas').map((id) => text(board, 'ideas', id))).toEqual(['a', 'c', 'b']);
  board.step('ideas', ids[0]!, -1, board.ids('ideas'));
  expect(board.ids('ideas')[0]).toBe(ids[0]);
});

it('puts into the tray and takes out again', () => {
  const board = fresh();
  const id = board.addNote('ideas', 'kept');
  board.remove('ideas', id);
  expect(board.ids('ideas')).toEqual([]);
  expect(board.tray()).toEqual([{ table: 'ideas', id, deletedAt: 1_649_412_000_000 }]);
  board.restore('ideas', id);
  expect(board.ids('ideas')).toEqual([id]);
});

it('makes a plan of a cluster, linked to its ideas, with the next number', () => {
  const board = fresh();
  const cluster = board.addCluster('Measure');
  const idea = board.addNote('ideas', 'one', cluster);
  board.addPlan(3, 'first', 'Europe/Paris');
  const plan = board.item('plans', board.planFrom('clusters', cluster, 3, 'Asia/Kolkata'))!;
  expect(plan.get('ref')).toBe('3.2');
  expect(String(plan.get('title'))).toBe('Measure');
  expect((plan.get('originIdeas') as Y.Map<boolean>).has(idea)).toBe(true);
  expect((plan.get('firstStep') as Y.Map<unknown>).get('text')).toBeInstanceOf(Y.Text);
});

it('agrees on the order when two people draw the same key', () => {
  const [one, two] = [fresh(), fresh()];
  one.addNote('ideas', 'x');
  two.addNote('ideas', 'y');
  Y.applyUpdate(one.doc, Y.encodeStateAsUpdate(two.doc));
  Y.applyUpdate(two.doc, Y.encodeStateAsUpdate(one.doc));
  expect(one.ids('ideas')).toEqual(two.ids('ideas'));
  const rows = [...one.table('ideas')].sort(byOrder);
  expect(rows[0]![1].get('order')).toBe(rows[1]![1].get('order'));
  // And there is still a way past each other.
  const ids = one.ids('ideas');
  one.step('ideas', ids[1]!, -1, ids);
  expect(one.ids('ideas')).toEqual([ids[1], ids[0]]);
});

it('tells once a frame, and only those who look at what changed', () => {
  const board = fresh();
  const id = board.addNote('ideas', 'a');
  const other = board.addNote('ideas', 'b');
  let flush = (): void => undefined;
  const changes = new Changes(board.doc, (run) => (flush = run));
  const heard: string[] = [];
  changes.subscribe(id, () => heard.push('id'));
  changes.subscribe(other, () => heard.push('other'));
  changes.subscribe('ideas', () => heard.push('table'));
  const words = board.item('ideas', id)!.get('text') as Y.Text;
  words.insert(0, 'x');
  words.insert(0, 'y');
  flush();
  expect(heard).toEqual(['id']);
  board.remove('ideas', other);
  flush();
  expect(heard).toEqual(['id', 'other', 'table']);
});
