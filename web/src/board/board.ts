// A board's document, typed: what stands on it, and every way in which people change it. The schema
// is the server's (shared/src/schema.rs); containers are made together with the item that holds them.

import { generateKeyBetween } from 'fractional-indexing';
import * as Y from 'yjs';
import { CLUSTER_FIELDS, NOTE_FIELDS, PLAN_FIELDS } from '../shared/schema.gen';

export type Table = 'practices' | 'ideas' | 'clusters' | 'plans';
export type Item = Y.Map<unknown>;
export type PlanList =
  'stakeholders' | 'milestones' | 'resourcesNeeded' | 'commons' | 'risks' | 'evidence';

/** The origin of edits made by buttons and menus; undo follows it. */
export const ACTING = Symbol('acting');

export interface Me {
  id: string | null;
  site: string | null;
  lang: string;
}

/** Texts that a row of a plan's list starts with. */
const ROW_TEXTS: Record<PlanList, readonly string[]> = {
  stakeholders: [],
  milestones: ['title', 'deliverable'],
  resourcesNeeded: ['text'],
  commons: [],
  risks: ['if', 'then'],
  evidence: ['title'],
};

export class Board {
  constructor(
    readonly doc: Y.Doc,
    private readonly me: Me,
    private readonly now: () => number = Date.now,
  ) {}

  get question(): Y.Text {
    return this.doc.getText('question');
  }

  get minutes(): Y.Text {
    return this.doc.getText('minutes');
  }

  table(name: Table): Y.Map<Item> {
    return this.doc.getMap<Item>(name);
  }

  item(name: Table, id: string): Item | undefined {
    return this.table(name).get(id);
  }

  /** The ids of what is on the board, in order. */
  ids(name: Table, keep: (item: Item) => boolean = () => true): string[] {
    const live = [...this.table(name)].filter(([, item]) => !isDeleted(item) && keep(item));
    return live.sort(byOrder).map(([id]) => id);
  }

  /** What was put into the tray, newest first. */
  tray(): { table: Table; id: string; deletedAt: number }[] {
    const tables: Table[] = ['practices', 'ideas', 'clusters', 'plans'];
    const all = tables.flatMap((table) =>
      [...this.table(table)]
        .filter(([, item]) => isDeleted(item))
        .map(([id, item]) => ({ table, id, deletedAt: Number(item.get('deletedAt')) })),
    );
    return all.sort((a, b) => b.deletedAt - a.deletedAt);
  }

  addNote(table: 'practices' | 'ideas', text: string, clusterId?: string): string {
    return this.add(table, NOTE_FIELDS, (note) => {
      (note.get('text') as Y.Text).insert(0, text);
      note.set('siteId', this.me.site);
      if (clusterId) note.set('clusterId', clusterId);
    });
  }

  addCluster(name: string): string {
    return this.add('clusters', CLUSTER_FIELDS, (cluster) => {
      (cluster.get('name') as Y.Text).insert(0, name);
    });
  }

  addPlan(workshop: number, title: string, timeZone: string): string {
    return this.add('plans', PLAN_FIELDS, (plan) => {
      plan.set('ref', this.nextRef(workshop));
      (plan.get('title') as Y.Text).insert(0, title);
      plan.set('timeZone', timeZone);
      plan.set('status', 'not_started');
      plan.set('visibility', 'public');
    });
  }

  /** An idea, or all ideas of a cluster, become a plan and stay linked as its origin. */
  planFrom(table: 'ideas' | 'clusters', id: string, workshop: number, timeZone: string): string {
    let planId = '';
    this.act(() => {
      const source = this.item(table, id);
      const words = source?.get(table === 'ideas' ? 'text' : 'name') as Y.Text | undefined;
      const title = words?.toString().slice(0, 300) ?? '';
      planId = this.addPlan(workshop, title, timeZone);
      const plan = this.item('plans', planId);
      if (source?.get('lang')) plan?.set('lang', source.get('lang'));
      const origins = plan?.get('originIdeas') as Y.Map<boolean>;
      const ideas = table === 'ideas' ? [id] : this.ids('ideas', (i) => i.get('clusterId') === id);
      ideas.forEach((idea) => origins.set(idea, true));
    });
    return planId;
  }

  addRow(planId: string, list: PlanList, values: Record<string, unknown> = {}): string {
    const rowId = crypto.randomUUID();
    this.act(() => {
      const rows = this.item('plans', planId)?.get(list) as Y.Map<Item> | undefined;
      if (!rows) return;
      const row = new Y.Map<unknown>();
      const last = [...rows].sort(byOrder).at(-1)?.[1].get('order') as string | undefined;
      rows.set(rowId, row);
      for (const name of ROW_TEXTS[list]) row.set(name, new Y.Text());
      row.set('order', generateKeyBetween(last ?? null, null));
      for (const [key, value] of Object.entries(values)) row.set(key, value);
    });
    return rowId;
  }

  removeRow(planId: string, list: PlanList, rowId: string): void {
    this.act(() => {
      (this.item('plans', planId)?.get(list) as Y.Map<Item> | undefined)?.delete(rowId);
    });
  }

  /** Replaces a plain value; empty ones are removed. */
  set(item: Y.Map<unknown>, key: string, value: string | number | boolean | null): void {
    if ((item.get(key) ?? null) === value) return;
    this.act(() => {
      if (value === null || value === '') item.delete(key);
      else item.set(key, value);
    });
  }

  /** Moves an idea to a cluster, or out of all of them. The last move wins. */
  moveToCluster(ideaId: string, clusterId: string | null): void {
    const idea = this.item('ideas', ideaId);
    if (!idea || (idea.get('clusterId') ?? null) === clusterId) return;
    this.act(() => {
      if (clusterId === null) idea.delete('clusterId');
      else idea.set('clusterId', clusterId);
      this.sign(idea, 'movedBy');
    });
  }

  /** Puts an idea where another one is; where that is nowhere, a new cluster takes both. Returns it. */
  groupWith(ideaId: string, otherId: string): string | null {
    const cluster = this.item('ideas', otherId)?.get('clusterId');
    const known = typeof cluster === 'string' && this.item('clusters', cluster);
    if (known && !isDeleted(known)) {
      this.moveToCluster(ideaId, cluster);
      return null;
    }
    let made = '';
    this.act(() => {
      made = this.addCluster('');
      this.moveToCluster(otherId, made);
      this.moveToCluster(ideaId, made);
    });
    return made;
  }

  /** Places a cluster or a plan on the map, or takes it off. Both from 0 to 1. */
  place(
    table: 'clusters' | 'plans',
    id: string,
    at: { effort: number; impact: number } | null,
  ): void {
    const item = this.item(table, id);
    if (!item) return;
    this.act(() => {
      this.set(item, 'effort', at?.effort ?? null);
      this.set(item, 'impact', at?.impact ?? null);
    });
  }

  /** Moves an item one place up or down among those it is shown with. */
  step(table: Table, id: string, by: -1 | 1, among: string[]): void {
    const at = among.indexOf(id);
    const item = this.item(table, id);
    const order = (index: number) => {
      const neighbour = among[index];
      const key = neighbour && this.item(table, neighbour)?.get('order');
      return typeof key === 'string' ? key : null;
    };
    if (!item || at < 0 || at + by < 0 || at + by >= among.length) return;
    const [before, after] =
      by < 0 ? [order(at - 2), order(at - 1)] : [order(at + 1), order(at + 2)];
    this.act(() => {
      // Two people may have drawn the same key; then the later one makes room for itself.
      const room = before === null || after === null || before < after;
      item.set('order', generateKeyBetween(before, room ? after : null));
      this.sign(item, 'movedBy');
    });
  }

  /** Puts something into the tray. */
  remove(table: Table, id: string): void {
    const item = this.item(table, id);
    if (!item || isDeleted(item)) return;
    this.act(() => {
      item.set('deletedAt', this.now());
      this.sign(item, 'deletedBy');
    });
  }

  /** Takes something out of the tray. */
  restore(table: Table, id: string): void {
    this.act(() => {
      this.item(table, id)?.delete('deletedAt');
      this.item(table, id)?.delete('deletedBy');
    });
  }

  private act(change: () => void): void {
    this.doc.transact(change, ACTING);
  }

  private sign(item: Item, key: 'movedBy' | 'deletedBy'): void {
    if (this.me.id) item.set(key, this.me.id);
    else item.delete(key);
  }

  private add(table: Table, fields: object, fill: (item: Item) => void): string {
    const id = crypto.randomUUID();
    this.act(() => {
      const item = new Y.Map<unknown>();
      const last = this.ids(table).at(-1);
      const lastOrder = last && (this.item(table, last)?.get('order') as string | undefined);
      this.table(table).set(id, item);
      addContainers(item, fields);
      item.set('lang', this.me.lang);
      item.set('order', generateKeyBetween(lastOrder ?? null, null));
      item.set('createdAt', this.now());
      if (this.me.id) item.set('authorId', this.me.id);
      fill(item);
    });
    return id;
  }

  private nextRef(workshop: number): string {
    const numbers = [...this.table('plans').values()].map((plan) =>
      Number(String(plan.get('ref') ?? '').split('.')[1] ?? 0),
    );
    return `${workshop}.${Math.max(0, ...numbers.filter(Number.isFinite)) + 1}`;
  }
}

/** Makes the containers that a fresh item must have. */
function addContainers(item: Item, fields: object): void {
  for (const [name, kind] of Object.entries(fields)) {
    if (kind === 'text') {
      item.set(name, new Y.Text());
    } else {
      const map = new Y.Map<unknown>();
      item.set(name, map);
      if (typeof kind === 'object' && kind) addContainers(map, kind);
    }
  }
}

export function isDeleted(item: Item): boolean {
  return typeof item.get('deletedAt') === 'number';
}

/** By fractional index; where two people drew the same one, by id, so that all agree. */
export function byOrder(a: [string, Item], b: [string, Item]): number {
  const [x, y] = [String(a[1].get('order') ?? ''), String(b[1].get('order') ?? '')];
  if (x !== y) return x < y ? -1 : 1;
  return a[0] < b[0] ? -1 : 1;
}
