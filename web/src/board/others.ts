// What others do on a board while somebody reads it: heard once per change, item by item.

import type * as Y from 'yjs';
import { isDeleted, type Board, type Item, type Table } from './board';

/** What happened to an item, the weightiest first: it is heard as one thing. */
export const DEEDS = ['added', 'restored', 'deleted', 'moved', 'edited'] as const;
export type Deed = (typeof DEEDS)[number];

export interface Heard {
  table: Table;
  id: string;
  deed: Deed;
}

const TABLES: Table[] = ['practices', 'ideas', 'clusters', 'plans'];

/** Calls with everything that one change of somebody else's did. Returns how to stop. */
export function hearOthers(board: Board, heard: (all: Heard[]) => void): () => void {
  const stops = TABLES.map((table) => {
    const root = board.table(table);
    const listen = (events: Y.YEvent<Y.AbstractType<unknown>>[], { local }: Y.Transaction) => {
      if (local) return;
      const found = new Map<string, Deed>();
      const note = (id: string, deed: Deed) => {
        const known = found.get(id);
        if (!known || DEEDS.indexOf(deed) < DEEDS.indexOf(known)) found.set(id, deed);
      };
      for (const event of events) {
        const id = event.path[0];
        if (typeof id === 'string') {
          note(id, event.path.length === 1 ? deedOf(event, root.get(id)) : 'edited');
        } else {
          for (const [key, change] of event.changes.keys) {
            if (change.action === 'add') note(key, 'added');
          }
        }
      }
      const all = [...found].map(([id, deed]) => ({ table, id, deed }));
      if (all.length > 0) heard(all);
    };
    root.observeDeep(listen);
    return () => root.unobserveDeep(listen);
  });
  return () => stops.forEach((stop) => stop());
}

function deedOf(event: Y.YEvent<Y.AbstractType<unknown>>, item: Item | undefined): Deed {
  const { keys } = event.changes;
  if (keys.has('deletedAt')) return item && isDeleted(item) ? 'deleted' : 'restored';
  return keys.has('clusterId') || keys.has('order') ? 'moved' : 'edited';
}
