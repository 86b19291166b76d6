// Edits that the server refuses as they are, written anew. Their Yjs client id belongs to somebody
// else (another person has joined on this device; after a restored backup somebody else was first
// to offer them), or one of them does not fit the board and everything after it hangs on it.
//
// On top of a fresh copy of what the server has, each struct that it lacks is written once more
// under a client id of our own, in the place where this device shows it. Where a message is refused,
// it is halved until the one struct that does not fit is found and left out.

import * as Y from 'yjs';
import { LIMITS, type RefusalCode } from '../shared/schema.gen';
import { encode, inCausalOrder, type Deletes, type Struct } from './update';

/** Where structs have gone. Plain data, so that other tabs of this browser can be told. */
export interface Moved {
  client: number;
  clock: number;
  len: number;
  /** Under which id they stand now; undefined where they were left out. */
  to: { client: number; clock: number } | undefined;
}

/** Sends an update; says with which code it was refused, or `lost` where nobody answered. */
export type Offer = (update: Uint8Array) => Promise<'taken' | 'lost' | RefusalCode>;

interface Range {
  client: number;
  clock: number;
  len: number;
}

const MESSAGE_STRUCTS = 500;
const MESSAGE_BYTES = 256 * 1024;
const MESSAGE_BYTES_MAX = LIMITS.messageBytesMax - 64;

export class Rewrite {
  /** How many structs and deletions were left out. */
  leftOut = 0;
  /** How many were taken. */
  taken = 0;
  /** Messages that the server has taken, or may have. */
  private sent = 0;
  private clock = 0;
  /** What the server had when this attempt began. */
  private known = new Map<number, number>();
  /** The table by client, ascending. */
  private readonly rows = new Map<number, Moved[]>();

  constructor(private readonly client: number) {}

  /** Where everything has gone so far. */
  get table(): Moved[] {
    return [...this.rows.values()].flat();
  }

  /** Whether the server may hold edits both as they were and anew: a document must not see both. */
  get hasBegun(): boolean {
    return this.sent > 0;
  }

  /** What another tab has written anew is not to be written twice. */
  adopt(table: readonly Moved[]): void {
    for (const row of table) {
      const id = Y.createID(row.client, row.clock);
      if (!this.moved(id)) this.insert(row);
    }
  }

  /**
   * Brings `fresh`, which holds exactly what the server holds, to what `doc` says.
   * False where the connection was lost: call it again, with a fresh copy.
   */
  async run(doc: Y.Doc, fresh: Y.Doc, offer: Offer): Promise<boolean> {
    // What was on its way when the last attempt ended has arrived, or it has not.
    this.clock = Y.getState(fresh.store, this.client);
    for (const [client, rows] of this.rows) {
      const there = rows.filter(({ to }) => !to || to.clock < Y.getState(fresh.store, to.client));
      this.rows.set(client, there);
    }
    // Somebody may type on: this attempt writes what is there now, the next one the rest.
    const frozen = new Y.Doc();
    Y.applyUpdate(frozen, Y.encodeStateAsUpdate(doc));
    const stateVector = Y.encodeStateVector(fresh);
    this.known = Y.decodeStateVector(stateVector);
    const { structs, ds } = Y.decodeUpdate(Y.encodeStateAsUpdate(frozen, stateVector));
    const lacking = inCausalOrder(structs).filter((struct) => !this.moved(struct.id));
    for (let i = 0; i < lacking.length; i += MESSAGE_STRUCTS) {
      const some = lacking.slice(i, i + MESSAGE_STRUCTS);
      if (!(await this.write(some, frozen, fresh, offer))) return false;
    }
    return this.erase(this.erased(ds.clients, frozen, fresh), fresh, offer);
  }

  private async write(some: Struct[], doc: Y.Doc, fresh: Y.Doc, offer: Offer): Promise<boolean> {
    const before = this.clock;
    const written = some.flatMap((struct) => this.translate(struct, doc) ?? []);
    if (written.length === 0) return true;
    const update = encode(written, new Map());
    const fits = update.length <= (some.length > 1 ? MESSAGE_BYTES : MESSAGE_BYTES_MAX);
    const verdict = fits ? await this.counted(offer, update) : 'too_large';
    if (verdict === 'taken') {
      Y.applyUpdate(fresh, update);
      this.taken += written.length;
      return true;
    }
    // It may have arrived all the same: the next attempt sees.
    if (isPassing(verdict)) return false;
    this.clock = before;
    for (const struct of some) this.forget(struct);
    if (some.length === 1) {
      this.leftOut += 1;
      this.leave(some[0]!);
      return true;
    }
    const half = some.length >> 1;
    return (
      (await this.write(some.slice(0, half), doc, fresh, offer)) &&
      (await this.write(some.slice(half), doc, fresh, offer))
    );
  }

  /** What `doc` has deleted of what the server shows. */
  private async erase(ranges: Range[], fresh: Y.Doc, offer: Offer): Promise<boolean> {
    if (ranges.length === 0) return true;
    const deletes = new Map<number, Range[]>();
    for (const range of [...ranges].sort((a, b) => a.clock - b.clock)) {
      const own = deletes.get(range.client);
      if (own) own.push(range);
      else deletes.set(range.client, [range]);
    }
    const update = encode([], deletes);
    const verdict = await this.counted(offer, update);
    if (verdict === 'taken') {
      Y.applyUpdate(fresh, update);
      this.taken += ranges.length;
      return true;
    }
    if (isPassing(verdict)) return false;
    if (ranges.length === 1) {
      this.leftOut += 1;
      return true;
    }
    const half = ranges.length >> 1;
    return (
      (await this.erase(ranges.slice(0, half), fresh, offer)) &&
      (await this.erase(ranges.slice(half), fresh, offer))
    );
  }

  private async counted(offer: Offer, update: Uint8Array): ReturnType<Offer> {
    this.sent += 1;
    const verdict = await offer(update);
    if (verdict !== 'taken' && verdict !== 'lost') this.sent -= 1;
    return verdict;
  }

  /**
   * The parts of a delete set that `fresh` still shows, under the ids that they have there. Where
   * `doc` has seen something both as it was and anew (another tab was faster), the one may have
   * struck the other out: that was nobody's wish.
   */
  private erased(deletes: Deletes, doc: Y.Doc, fresh: Y.Doc): Range[] {
    const gone = Y.createDeleteSetFromStructStore(fresh.store);
    const anew = new Set(this.table.map(({ to }) => to?.client));
    const ranges: Range[] = [];
    for (const [client, some] of deletes) {
      if (anew.has(client)) continue;
      for (const { clock, len } of some) {
        for (let at = clock; at < clock + len; at += 1) {
          const id = this.now(Y.createID(client, at));
          if (!id || Y.isDeleted(gone, id)) continue;
          if (id.client !== client && id.clock < Y.getState(doc.store, id.client)) continue;
          const last = ranges.at(-1);
          if (last?.client === id.client && last.clock + last.len === id.clock) last.len += 1;
          else ranges.push({ client: id.client, clock: id.clock, len: 1 });
        }
      }
    }
    return ranges;
  }

  /** The struct under its new id; undefined where nothing of it is to be seen. */
  private translate(struct: Struct, doc: Y.Doc): Y.Item | undefined {
    const item = struct instanceof Y.Item ? Y.getItem(doc.store, struct.id) : undefined;
    const parent = item instanceof Y.Item && !item.deleted ? this.parent(item) : undefined;
    if (!(struct instanceof Y.Item) || !(item instanceof Y.Item) || parent === undefined) {
      this.leave(struct);
      return undefined;
    }
    const to = Y.createID(this.client, this.clock);
    const [origin, rightOrigin] = [this.left(item, struct.id), this.right(item)];
    this.insert({ ...range(struct), to });
    this.clock += struct.length;
    // A root type is written by its name.
    const container = parent as Y.ID;
    const { parentSub } = item;
    return new Y.Item(to, null, origin, null, rightOrigin, container, parentSub, struct.content);
  }

  /** The container as it stands now: a root's name, or an id; undefined where it was left out. */
  private parent(item: Y.Item): Y.ID | string | undefined {
    const parent = item.parent as Y.AbstractType<unknown>;
    if (!parent._item) return Y.findRootTypeKey(parent);
    return this.now(parent._item.id);
  }

  /** The nearest neighbour on the left that has its place already. */
  private left(item: Y.Item, id: Y.ID): Y.ID | null {
    // Its beginning is known to the server.
    if (id.clock > item.id.clock) return Y.createID(id.client, id.clock - 1);
    for (let left = item.left; left; left = left.left) {
      const now = this.now(left.lastId);
      if (now) return now;
      const known = this.known.get(left.id.client) ?? 0;
      if (left.id.clock < known) return Y.createID(left.id.client, known - 1);
    }
    return null;
  }

  /** The same on the right; the entries of a map have nothing there. */
  private right(item: Y.Item): Y.ID | null {
    if (item.parentSub !== null) return null;
    for (let right = item.right; right; right = right.right) {
      const now = this.now(right.id);
      if (now) return now;
    }
    return null;
  }

  private leave(struct: Struct): void {
    this.insert({ ...range(struct), to: undefined });
  }

  /** Where something stands now; undefined where it was left out, or not written yet. */
  private now(id: Y.ID): Y.ID | undefined {
    if (id.clock < (this.known.get(id.client) ?? 0)) return id;
    const row = this.moved(id);
    return row?.to && Y.createID(row.to.client, row.to.clock + id.clock - row.clock);
  }

  private moved(id: Y.ID): Moved | undefined {
    const rows = this.rows.get(id.client) ?? [];
    const row = rows[position(rows, id.clock) - 1];
    return row && id.clock < row.clock + row.len ? row : undefined;
  }

  private insert(row: Moved): void {
    const rows = this.rows.get(row.client) ?? [];
    rows.splice(position(rows, row.clock), 0, row);
    this.rows.set(row.client, rows);
  }

  private forget(struct: Struct): void {
    const rows = this.rows.get(struct.id.client) ?? [];
    const at = position(rows, struct.id.clock) - 1;
    if (rows[at]?.clock === struct.id.clock) rows.splice(at, 1);
  }
}

/** How many rows begin at or before a clock. */
function position(rows: readonly Moved[], clock: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.clock <= clock) low = middle + 1;
    else high = middle;
  }
  return low;
}

function range(struct: Struct): Range {
  return { client: struct.id.client, clock: struct.id.clock, len: struct.length };
}

/** Nothing is wrong with the edit: the connection or the server was. */
function isPassing(verdict: Awaited<ReturnType<Offer>>): boolean {
  return verdict === 'lost' || verdict === 'unavailable' || verdict === 'read_only';
}
