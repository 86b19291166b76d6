// What others did, gathered for those who listen: never more often than every few seconds, so that a
// screen reader can finish its sentence.

import type { Board, Table } from './board';
import { DEEDS, type Deed, type Heard } from './others';

/** How much is announced: everything, what concerns me, or nothing. */
export const NEWS = ['all', 'mine', 'none'] as const;
export type News = (typeof NEWS)[number];

/** Milliseconds between two announcements. */
export const NEWS_INTERVAL_MS = 8_000;

/** How many items of each table one kind of deed touched. */
export type Tally = Map<Deed, Map<Table, number>>;

export class Gazette {
  mode: News = 'all';
  private readonly heard = new Map<string, Heard>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastMs = -Infinity;

  constructor(
    private readonly board: Board,
    private readonly me: string | null,
    private readonly say: (tally: Tally) => void,
    private readonly now: () => number = Date.now,
  ) {}

  hear(all: Heard[]): void {
    for (const one of all) {
      if (this.mode === 'none' || (this.mode === 'mine' && !this.isMine(one))) continue;
      const known = this.heard.get(one.id);
      // Something that came and was then edited has come.
      if (known && DEEDS.indexOf(known.deed) < DEEDS.indexOf(one.deed) && one.deed !== 'deleted') {
        continue;
      }
      this.heard.set(one.id, one);
    }
    if (this.heard.size === 0 || this.timer !== undefined) return;
    // A moment, so that what belongs together is said together.
    const wait = Math.max(1_000, this.lastMs + NEWS_INTERVAL_MS - this.now());
    this.timer = setTimeout(() => this.tell(), wait);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.heard.clear();
  }

  private tell(): void {
    this.timer = undefined;
    this.lastMs = this.now();
    const tally: Tally = new Map();
    for (const deed of DEEDS) {
      for (const one of this.heard.values()) {
        if (one.deed !== deed) continue;
        const counts = tally.get(deed) ?? new Map<Table, number>();
        tally.set(deed, counts.set(one.table, (counts.get(one.table) ?? 0) + 1));
      }
    }
    this.heard.clear();
    this.say(tally);
  }

  private isMine({ table, id }: Heard): boolean {
    const item = this.board.item(table, id);
    if (this.me === null || !item) return false;
    const lead = item.get('lead') as { get?: (key: string) => unknown } | undefined;
    return item.get('authorId') === this.me || lead?.get?.('participantId') === this.me;
  }
}
