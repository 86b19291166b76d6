// A board of the past, as the server gives it: what stood on it, in order.

import type { Counts, PastItem, PastTable, Touched } from '../ui/api';

export type Named = PastItem & { id: string };

/** What was on the board and not in the tray, in the order in which it stood there. */
export function standing(table: PastTable): Named[] {
  return Object.entries(table)
    .filter(([, item]) => typeof item.deletedAt !== 'number')
    .map(([id, item]) => ({ id, ...item }))
    .sort((a, b) => {
      const [x, y] = [a.order ?? '', b.order ?? ''];
      if (x !== y) return x < y ? -1 : 1;
      return a.id < b.id ? -1 : 1;
    });
}

export const TABLES = ['practices', 'ideas', 'clusters', 'plans'] as const;

/** Everything that was touched in one of these ways, table by table; what was not is left out. */
export function touchedBy(
  touched: Touched,
  ways: (keyof Counts)[],
): { table: (typeof TABLES)[number]; count: number }[] {
  return TABLES.map((table) => ({
    table,
    count: ways.reduce((sum, way) => sum + touched[table][way], 0),
  })).filter(({ count }) => count > 0);
}

/** Whether nothing at all was touched. */
export function isUntouched(touched: Touched): boolean {
  const all = touchedBy(touched, ['added', 'edited', 'moved', 'deleted', 'restored']);
  return all.length === 0 && !touched.minutes && !touched.question;
}
