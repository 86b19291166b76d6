// What others add waits behind a button, so that nothing moves under the eyes of whoever reads.

import { isDeleted, type Board, type Table } from './board';
import type { Heard } from './others';

/** The tables whose new items wait. A new cluster stands at the end, and holds what I may move there. */
const WAITING: readonly Table[] = ['practices', 'ideas', 'plans'];

export class Arrivals {
  private readonly waiting = new Map<string, Table>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly board: Board,
    /** Who reads; what they wrote on another device does not wait. */
    private readonly me: string | null,
  ) {}

  hear(all: Heard[]): void {
    let moved = false;
    for (const { table, id, deed } of all) {
      const item = this.board.item(table, id);
      const arrives = deed === 'added' || deed === 'restored';
      if (arrives && WAITING.includes(table) && item && !isDeleted(item)) {
        if (this.me !== null && item.get('authorId') === this.me) continue;
        this.waiting.set(id, table);
        moved = true;
      } else if (deed === 'deleted' && this.waiting.delete(id)) {
        moved = true;
      }
    }
    if (moved) this.tell();
  }

  /** Whether an item waits to be shown. */
  waits(id: string): boolean {
    return this.waiting.has(id);
  }

  /** Those of a table that wait, in the order in which they will stand. */
  of(table: Table): string[] {
    return this.board.ids(table).filter((id) => this.waiting.get(id) === table);
  }

  /** Shows what waits in a table; returns it. */
  reveal(table: Table): string[] {
    const ids = this.of(table);
    for (const [id, its] of [...this.waiting]) if (its === table) this.waiting.delete(id);
    this.tell();
    return ids;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(): void {
    this.listeners.forEach((listener) => listener());
  }
}
