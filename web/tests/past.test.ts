import { expect, it } from 'vitest';
import { isUntouched, standing, touchedBy } from '../src/components/past';
import type { Counts, Touched } from '../src/ui/api';
import { localMinute, momentAt } from '../src/ui/time';

const none: Counts = { added: 0, edited: 0, moved: 0, deleted: 0, restored: 0 };
const untouched: Touched = {
  practices: none,
  ideas: none,
  clusters: none,
  plans: none,
  minutes: false,
  question: false,
};

it('lists what stood on the board, in order, without the tray', () => {
  const table = {
    c: { text: 'third', order: 'b0' },
    b: { text: 'second, drawn at once', order: 'a0' },
    a: { text: 'first', order: 'a0' },
    gone: { text: 'in the tray', order: 'a0', deletedAt: 5 },
  };
  expect(standing(table).map((item) => item.id)).toEqual(['a', 'b', 'c']);
});

it('sums what was touched, and says nothing of the rest', () => {
  const touched = { ...untouched, ideas: { ...none, edited: 2, moved: 1, deleted: 4 } };
  expect(touchedBy(touched, ['edited', 'moved'])).toEqual([{ table: 'ideas', count: 3 }]);
  expect(touchedBy(touched, ['restored'])).toEqual([]);
});

it('knows when nothing differs', () => {
  expect(isUntouched(untouched)).toBe(true);
  expect(isUntouched({ ...untouched, minutes: true })).toBe(false);
  expect(isUntouched({ ...untouched, plans: { ...none, moved: 1 } })).toBe(false);
});

it('reads a site’s clock as a moment, and back', () => {
  const paris = momentAt('2022-04-08T14:32', 'Europe/Paris');
  expect(new Date(paris).toISOString()).toBe('2022-04-08T12:32:00.000Z');
  expect(localMinute(paris, 'Asia/Kolkata')).toBe('2022-04-08T18:02');
  expect(momentAt('2022-04-08T18:02', 'Asia/Kolkata')).toBe(paris);
  // Just after the clocks went forward, and just before.
  for (const local of ['2022-03-27T03:10', '2022-03-27T01:50', '2022-10-30T04:00']) {
    expect(localMinute(momentAt(local, 'Europe/Paris'), 'Europe/Paris')).toBe(local);
  }
});
