// What every part of a board's page shares: the document, its changes as signals, who is who.

import { getContext, setContext } from 'svelte';
import { createSubscriber, SvelteMap, SvelteSet } from 'svelte/reactivity';
import * as Y from 'yjs';
import { Arrivals } from '../board/arrivals';
import { ACTING, type Board, type Item, type Table } from '../board/board';
import { Gazette, NEWS, type News, type Tally } from '../board/news';
import { Changes } from '../board/observe';
import { hearOthers, type Heard } from '../board/others';
import type { Stage } from '../board/stage';
import { TYPING } from '../board/text';
import { currentLanguage, pick, plural, t, type Key } from '../messages/messages.svelte';
import type { PlanDigest } from '../shared/schema.gen';
import type { SangamProvider, Status } from '../sync/provider';
import type { EventView, Person, Session, Workshop } from '../ui/api';

export interface Presence {
  client: number;
  personId: string | null;
  name: string;
  site: string | null;
  item: string | undefined;
}

const KEY = Symbol('board');

/** Milliseconds for which a card says who has just moved it, or that it is new. */
const TRACE_MS = 20_000;

export class BoardView {
  readonly undoManager: Y.UndoManager;
  people = $state<Person[]>([]);
  /** What others did, for those who listen. */
  news = $state('');
  /** Who has just moved an item, by its id. */
  readonly moves = new SvelteMap<string, string>();
  /** What was shown a moment ago. */
  readonly recent = new SvelteSet<string>();
  private readonly arrivals: Arrivals;
  private readonly gazette: Gazette;
  private readonly changes: Changes;
  private readonly tracked = new Map<string, () => void>();
  private readonly watchStatus: () => void;
  private readonly watchPresence: () => void;
  private readonly watchUndo: () => void;
  private readonly watchStage: () => void;
  private readonly watchArrivals: () => void;

  constructor(
    readonly board: Board,
    readonly provider: SangamProvider,
    readonly event: EventView,
    readonly workshop: Workshop,
    readonly session: Session,
    private readonly stage: Stage,
  ) {
    this.watchStage = createSubscriber((update) => stage.subscribe(update));
    this.changes = new Changes(board.doc);
    const doc = board.doc;
    this.undoManager = new Y.UndoManager(
      [
        doc.getMap('practices'),
        doc.getMap('ideas'),
        doc.getMap('clusters'),
        doc.getMap('plans'),
        doc.getText('minutes'),
      ],
      // Only what this person did here: others' acts are theirs to take back.
      { trackedOrigins: new Set<unknown>([TYPING, ACTING]) },
    );
    const me = session.person?.id ?? null;
    this.arrivals = new Arrivals(board, me);
    this.watchArrivals = createSubscriber((update) => this.arrivals.subscribe(update));
    this.gazette = new Gazette(board, me, (tally) => (this.news = sentence(tally)));
    this.gazette.mode = storedNews();
    this.listenOnceRead();
    this.watchStatus = createSubscriber((update) => provider.subscribe(update));
    this.watchPresence = createSubscriber((update) => {
      provider.awareness.on('change', update);
      return () => provider.awareness.off('change', update);
    });
    this.watchUndo = createSubscriber((update) => {
      const manager = this.undoManager;
      manager.on('stack-item-added', update);
      manager.on('stack-item-popped', update);
      manager.on('stack-cleared', update);
      return () => {
        manager.off('stack-item-added', update);
        manager.off('stack-item-popped', update);
        manager.off('stack-cleared', update);
      };
    });
  }

  /** Makes what runs now run again when this table, or the item with this id, changes. */
  track(name: string): void {
    let subscribe = this.tracked.get(name);
    if (!subscribe) {
      subscribe = createSubscriber((update) => this.changes.subscribe(name, update));
      this.tracked.set(name, subscribe);
    }
    subscribe();
  }

  /** The ids of what is shown of a table, in order. */
  shown(table: Table, keep?: (item: Item) => boolean): string[] {
    this.track(table);
    this.watchArrivals();
    return this.board.ids(table, keep).filter((id) => !this.arrivals.waits(id));
  }

  /** Those that others added, and that wait to be shown. */
  waiting(table: Table): string[] {
    this.track(table);
    this.watchArrivals();
    return this.arrivals.of(table);
  }

  /** Shows what waits in a table; returns it. */
  reveal(table: Table): string[] {
    const ids = this.arrivals.reveal(table);
    for (const id of ids) {
      this.recent.add(id);
      setTimeout(() => this.recent.delete(id), TRACE_MS);
    }
    return ids;
  }

  /** How much of what others do is announced. */
  get newsMode(): News {
    return this.gazette.mode;
  }

  set newsMode(mode: News) {
    this.gazette.mode = mode;
    storeNews(mode);
  }

  /** Where an item stands, or nowhere. */
  tableOf(id: string): Table | undefined {
    const tables: Table[] = ['practices', 'ideas', 'clusters', 'plans'];
    return tables.find((table) => this.board.item(table, id));
  }

  /** Until the board has been read once, everything on it is there already. */
  private listenOnceRead(): void {
    const { provider } = this;
    const read = () =>
      provider.status.connection === 'online' ||
      (provider.status.loaded && provider.status.connection === 'offline');
    let listening = false;
    const stop = provider.subscribe(() => {
      if (listening || !read()) return;
      listening = true;
      stop();
      hearOthers(this.board, (all) => this.hear(all));
    });
  }

  private hear(all: Heard[]): void {
    // A screen has nobody who could press a button.
    if (this.session.role !== 'screen') this.arrivals.hear(all);
    this.gazette.hear(all);
    for (const { table, id, deed } of all) {
      if (deed !== 'moved') continue;
      this.moves.set(id, this.personName(this.board.item(table, id)?.get('movedBy')));
      setTimeout(() => this.moves.delete(id), TRACE_MS);
    }
  }

  /** What is open in a plan, as the server has last said. */
  checks(planId: string): PlanDigest | undefined {
    this.watchStage();
    return this.stage.plan(planId);
  }

  get status(): Status {
    this.watchStatus();
    return this.provider.status;
  }

  get writable(): boolean {
    const status = this.status;
    return status.writable && status.connection !== 'ended' && this.session.role !== 'screen';
  }

  get undoable(): { undo: boolean; redo: boolean } {
    this.watchUndo();
    return { undo: this.undoManager.canUndo(), redo: this.undoManager.canRedo() };
  }

  /** Everybody else who is here, one entry a device. */
  get others(): Presence[] {
    this.watchPresence();
    const all = [...this.provider.awareness.getStates()];
    return all
      .filter(([client]) => client !== this.board.doc.clientID)
      .map(([client, state]) => {
        const user = (state['user'] ?? {}) as Record<string, string | null>;
        const cursor = state['cursor'] as { item?: string } | null | undefined;
        return {
          client,
          personId: user['id'] ?? null,
          name: user['name'] ?? t('board.somebody'),
          site: user['site'] ?? null,
          item: cursor?.item,
        };
      });
  }

  /** Who writes in an item, by name. */
  editors(id: string): string[] {
    return [...new Set(this.others.filter((other) => other.item === id).map((o) => o.name))];
  }

  /** Tells the others where I write. */
  focus(item: string | null): void {
    this.provider.awareness.setLocalStateField('cursor', item ? { item } : null);
  }

  personName(id: unknown): string {
    return this.people.find((person) => person.id === id)?.name ?? t('board.somebody');
  }

  siteIndex(key: unknown): number {
    return this.event.sites.findIndex((site) => site.key === key);
  }

  siteName(key: unknown): string {
    return pick(this.event.sites.find((site) => site.key === key)?.name ?? {}).text;
  }

  /** The time zone that my plans start with. */
  get timeZone(): string {
    const site = this.event.sites.find((s) => s.key === this.session.site) ?? this.event.sites[0];
    return site?.timeZone ?? 'UTC';
  }
}

export const provideBoard = (view: BoardView) => setContext(KEY, view);
export const useBoard = () => getContext<BoardView>(KEY);

const COUNTED = {
  practices: (count: number) => plural('history.practices', count),
  ideas: (count: number) => plural('history.ideas', count),
  clusters: (count: number) => plural('history.clusters', count),
  plans: (count: number) => plural('history.plans', count),
};

/** "Added 3 ideas and 1 plan. Moved 1 idea." */
function sentence(tally: Tally): string {
  const list = new Intl.ListFormat(currentLanguage());
  const parts = [...tally].map(([deed, counts]) => {
    const items = list.format([...counts].map(([table, count]) => COUNTED[table](count)));
    return t(`history.${deed}` as Key, { items });
  });
  return parts.join('. ');
}

const NEWS_STORED = 'sangam:news';

function storedNews(): News {
  try {
    const stored = localStorage.getItem(NEWS_STORED);
    return NEWS.find((mode) => mode === stored) ?? 'all';
  } catch {
    return 'all';
  }
}

function storeNews(mode: News): void {
  try {
    localStorage.setItem(NEWS_STORED, mode);
  } catch {
    // Private mode: then the choice lasts for this page.
  }
}

/** The words of a text inside an item; runs again when the item changes. */
export function textOf(
  view: BoardView,
  item: Y.Map<unknown> | undefined,
  id: string,
  key: string,
): string {
  view.track(id);
  const text = item?.get(key);
  return text instanceof Y.Text ? text.toString() : '';
}
