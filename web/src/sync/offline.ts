// This device's copy of a document, in IndexedDB. `stored` is called when the browser says that an
// edit is on disk: only then may anybody be told "on this device".
//
// Updates are rows; one transaction at a time writes whatever has come meanwhile. Where a write
// fails, the next attempt writes the whole state, so that no hole stays behind a later success.

import * as Y from 'yjs';

const UPDATES = 'updates';
const META = 'meta';
const EPOCH = 'epoch';
/** Changes when everything here was written anew: tabs of two generations do not mix. */
const GENERATION = 'generation';
/** Where each edit has gone then. */
const MOVED = 'moved';
/** One key per page that has edits which the server has not confirmed; its value is the latest. */
const UNSAVED = 'unsaved';
const COMPACT_AFTER = 300;
/** The server's words come again if they are lost: they may wait for company. */
const REMOTE_WAIT_MS = 1_000;
const RETRY_MS = 5_000;
const OPEN_MS = 5_000;

export interface Found {
  updates: Uint8Array[];
  /** An earlier visit, or another tab, left edits that the server had not confirmed. */
  unsaved: boolean;
  /** The life of the server's store that this copy was last in step with. */
  epoch: string | undefined;
  generation: string;
}

export interface Keeper {
  /** Everything that is to be kept, and the number of the latest edit in it. */
  state: () => { update: Uint8Array; edit: number };
  /** Everything up to an edit is on this device. */
  stored: (edit: number) => void;
  /** What was said to be stored may not be. */
  lost: () => void;
}

export class OfflineCopy {
  private db: IDBDatabase | undefined;
  private rows = 0;
  private queue: Uint8Array[] = [];
  private queued = 0;
  private storedEdit = 0;
  /** The copy lacks something: only the whole state repairs it. */
  private behind = false;
  /** Rows hold words that may have been erased since. */
  private untidy = false;
  private epoch: string | undefined;
  private marked = false;
  /** The server has everything up to this edit. */
  private confirmed = 0;
  private inherited: [IDBValidKey, unknown][] = [];
  private busy = false;
  private closed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly mark = `${UNSAVED}:${crypto.randomUUID()}`;

  constructor(
    private readonly name: string,
    private readonly keeper: Keeper,
  ) {}

  /** What the device has; rejects where the browser keeps nothing (private mode, quota). */
  async read(): Promise<Found> {
    this.busy = true;
    try {
      const db = await within(OPEN_MS, this.open());
      const transaction = db.transaction([UPDATES, META]);
      const meta = transaction.objectStore(META);
      const [updates, keys, values] = await Promise.all([
        result(transaction.objectStore(UPDATES).getAll() as IDBRequest<Uint8Array[]>),
        result(meta.getAllKeys()),
        result(meta.getAll() as IDBRequest<unknown[]>),
      ]);
      const entries = keys.map((key, i): [IDBValidKey, unknown] => [key, values[i]]);
      this.rows = updates.length;
      this.inherited = entries.filter(([key, value]) => String(key).startsWith(UNSAVED) && value);
      const word = (name: string) => {
        const value = entries.find(([key]) => key === name)?.[1];
        return typeof value === 'string' ? value : undefined;
      };
      return {
        updates,
        unsaved: this.inherited.length > 0,
        epoch: word(EPOCH),
        generation: word(GENERATION) ?? '',
      };
    } catch (error) {
      this.behind = true;
      throw error;
    } finally {
      this.busy = false;
      this.drainIn(this.behind ? RETRY_MS : 0);
    }
  }

  /** Keeps an update; with the number of the edit, where the server may lack it. */
  add(update: Uint8Array, edit?: number): void {
    this.queue.push(update);
    if (edit !== undefined) this.queued = edit;
    if (this.behind) return;
    if (edit === undefined) this.drainIn(REMOTE_WAIT_MS);
    else void this.drain();
  }

  /** Remembers which life of the store this copy belongs to, with `edit` if all of it is offered again. */
  belongsTo(epoch: string, edit?: number): void {
    this.epoch = epoch;
    if (edit !== undefined) {
      this.queued = edit;
      this.behind = true;
    }
    void this.drain();
  }

  /** Something may have been erased: all rows become one, in which what was deleted has no words. */
  tidy(): void {
    this.untidy = true;
    this.drainIn(REMOTE_WAIT_MS);
  }

  /** The server has everything up to an edit. */
  saved(edit: number): void {
    this.confirmed = edit;
    const db = this.db;
    if (!db || (!this.marked && this.inherited.length === 0)) return;
    const inherited = this.inherited;
    this.marked = false;
    this.inherited = [];
    // Losing this is harmless: the next visit offers once more what the server has.
    attempt(() => {
      const meta = db.transaction(META, 'readwrite').objectStore(META);
      for (const [key, value] of [...inherited, [this.mark, edit] as const]) {
        const kept = meta.get(key);
        // Another page may have marked again what we inherited from it.
        kept.onsuccess = () => {
          if (kept.result === value || (key === this.mark && kept.result <= edit)) meta.delete(key);
        };
      }
    });
  }

  /** Puts a document in the place of everything that is here. The last act: nothing is kept after it. */
  async replace(update: Uint8Array, generation: string, moved: unknown): Promise<void> {
    // Started before this returns: whoever opens the copy from now on finds what replaces it.
    await this.wipe((updates, meta) => {
      updates.add(update);
      meta.put(generation, GENERATION);
      meta.put(moved, MOVED);
    });
  }

  /** What has been put in the place of what was here, by this page or another; see `replace`. */
  async replaced(): Promise<{ generation: unknown; moved: unknown }> {
    const meta = (await this.open()).transaction(META).objectStore(META);
    const [generation, moved] = [result(meta.get(GENERATION)), result(meta.get(MOVED))];
    return { generation: await generation, moved: await moved };
  }

  /** Forgets everything on this device. The last act, too. */
  async clear(): Promise<void> {
    await this.wipe(() => undefined);
  }

  /** Starts writing at once whatever waits: the page may be about to go. */
  hurry(): void {
    void this.drain();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.db?.close();
    this.db = undefined;
  }

  private async wipe(then: (updates: IDBObjectStore, meta: IDBObjectStore) => void): Promise<void> {
    const db = this.db ?? (await this.open());
    this.closed = true;
    const transaction = db.transaction([UPDATES, META], 'readwrite', STRICT);
    const [updates, meta] = [transaction.objectStore(UPDATES), transaction.objectStore(META)];
    updates.clear();
    meta.delete(MARKS());
    then(updates, meta);
    await done(transaction);
    this.close();
  }

  private drainIn(ms: number): void {
    this.timer ??= setTimeout(() => void this.drain(), ms);
  }

  private async drain(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.busy || this.closed) return;
    this.busy = true;
    try {
      while (
        !this.closed &&
        (this.behind || this.untidy || this.queue.length > 0 || this.epoch !== undefined)
      ) {
        await this.writeNext();
      }
    } catch {
      // No space, or the browser has closed the database. The whole state, later.
      this.behind = true;
      if (!this.closed) {
        this.keeper.lost();
        this.drainIn(RETRY_MS);
      }
    } finally {
      this.busy = false;
    }
  }

  private async writeNext(): Promise<void> {
    const db = await this.open();
    let [updates, edit] = [this.queue, this.queued];
    const { behind, untidy, epoch } = this;
    if (behind) {
      const whole = this.keeper.state();
      updates = [whole.update];
      edit = Math.max(edit, whole.edit);
    }
    this.queue = [];
    this.behind = false;
    this.untidy = false;
    this.epoch = undefined;
    const news = behind || edit > this.storedEdit;
    try {
      const options = news ? STRICT : undefined;
      const transaction = db.transaction([UPDATES, META], 'readwrite', options);
      const finished = done(transaction);
      const [store, meta] = [transaction.objectStore(UPDATES), transaction.objectStore(META)];
      if (epoch !== undefined) meta.put(epoch, EPOCH);
      if (news && edit > this.confirmed) meta.put(edit, this.mark);
      if (behind || untidy || this.rows + updates.length > COMPACT_AFTER) {
        // Reading and replacing stand in one transaction, so that another tab's rows are kept.
        const all = store.getAll() as IDBRequest<Uint8Array[]>;
        all.onsuccess = () => {
          const merged = merge([...all.result, ...updates]);
          store.clear();
          store.add(merged);
        };
        await finished;
        this.rows = 1;
      } else {
        for (const update of updates) store.add(update);
        await finished;
        this.rows += updates.length;
      }
    } catch (error) {
      this.epoch ??= epoch;
      this.untidy ||= untidy;
      throw error;
    }
    if (!news) return;
    this.storedEdit = Math.max(this.storedEdit, edit);
    this.marked = true;
    // The server was faster than the disk.
    if (edit <= this.confirmed) this.saved(this.confirmed);
    this.keeper.stored(edit);
  }

  private async open(): Promise<IDBDatabase> {
    if (this.db) return this.db;
    const request = indexedDB.open(this.name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPDATES, { autoIncrement: true });
      request.result.createObjectStore(META);
    };
    const db = await result(request);
    if (this.closed) {
      db.close();
      throw new Error('the copy was closed');
    }
    const gone = () => {
      // Somebody wants to delete it, or the browser has cleared this site's data.
      db.close();
      if (this.db !== db) return;
      this.db = undefined;
      this.rows = 0;
      this.behind = true;
      this.keeper.lost();
      if (!this.closed) this.drainIn(RETRY_MS);
    };
    db.onversionchange = gone;
    db.onclose = gone;
    this.db = db;
    return db;
  }
}

/** Whether a copy holds edits that the server has not confirmed. */
export async function hasUnsaved(name: string): Promise<boolean> {
  const db = await result(indexedDB.open(name));
  try {
    if (!db.objectStoreNames.contains(META)) return false;
    const marks = db.transaction(META).objectStore(META).count(MARKS());
    return (await result(marks)) > 0;
  } finally {
    db.close();
  }
}

const MARKS = () => IDBKeyRange.bound(UNSAVED, `${UNSAVED}\uffff`);
const STRICT: IDBTransactionOptions = { durability: 'strict' };

/** Applying is linear where merging encoded updates is not, and gives deleted words' space back. */
function merge(updates: Uint8Array[]): Uint8Array {
  const doc = new Y.Doc();
  doc.transact(() => updates.forEach((update) => Y.applyUpdate(doc, update)));
  const merged = Y.encodeStateAsUpdate(doc);
  doc.destroy();
  return merged;
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // The database is being closed.
  }
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('IndexedDB does not answer')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB aborted'));
  });
}
