// What every part of a board's page shares: the document, its changes as signals, who is who.

import { getContext, setContext } from 'svelte';
import { createSubscriber } from 'svelte/reactivity';
import * as Y from 'yjs';
import { ACTING, type Board } from '../board/board';
import { Changes } from '../board/observe';
import type { Stage } from '../board/stage';
import { TYPING } from '../board/text';
import { pick, t } from '../messages/messages.svelte';
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

export class BoardView {
  readonly undoManager: Y.UndoManager;
  people = $state<Person[]>([]);
  private readonly changes: Changes;
  private readonly tracked = new Map<string, () => void>();
  private readonly watchStatus: () => void;
  private readonly watchPresence: () => void;
  private readonly watchUndo: () => void;
  private readonly watchStage: () => void;

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
