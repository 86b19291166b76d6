// This device's copy of a document, in IndexedDB. `write` resolves when the browser says that the
// update is stored: only then may anybody be told "on this device".

import * as Y from 'yjs';

const UPDATES = 'updates';
const META = 'meta';
const UNSAVED = 'unsaved';
const COMPACT_AFTER = 300;

export class OfflineCopy {
  private constructor(
    private readonly db: IDBDatabase,
    private stored: number,
  ) {}

  /** Opens the copy of one document; rejects where the browser keeps nothing (private mode, quota). */
  static async open(documentId: string): Promise<OfflineCopy> {
    const request = indexedDB.open(`sangam:${documentId}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(UPDATES, { autoIncrement: true });
      request.result.createObjectStore(META);
    };
    const db = await result(request);
    // Another tab may want to delete or upgrade it.
    db.onversionchange = () => db.close();
    const count = await result(db.transaction(UPDATES).objectStore(UPDATES).count());
    return new OfflineCopy(db, count);
  }

  /** Everything that is stored, as one update, and whether the server has not confirmed all of it. */
  async read(): Promise<{ update: Uint8Array | undefined; unsaved: boolean }> {
    const transaction = this.db.transaction([UPDATES, META]);
    const all = result(transaction.objectStore(UPDATES).getAll()) as Promise<Uint8Array[]>;
    const unsaved = result(transaction.objectStore(META).get(UNSAVED)) as Promise<unknown>;
    const updates = await all;
    return {
      update: updates.length > 0 ? Y.mergeUpdates(updates) : undefined,
      unsaved: (await unsaved) === true,
    };
  }

  /** Stores an update; `unsaved` tells a later visit that the server may lack it. */
  async write(update: Uint8Array, unsaved: boolean): Promise<void> {
    const transaction = this.db.transaction([UPDATES, META], 'readwrite', { durability: 'strict' });
    transaction.objectStore(UPDATES).add(update);
    if (unsaved) transaction.objectStore(META).put(true, UNSAVED);
    await done(transaction);
    this.stored += 1;
    if (this.stored > COMPACT_AFTER) await this.compact();
  }

  /** The server has everything. */
  async markSaved(): Promise<void> {
    const transaction = this.db.transaction(META, 'readwrite');
    transaction.objectStore(META).put(false, UNSAVED);
    await done(transaction);
  }

  /** Forgets everything on this device. */
  async clear(): Promise<void> {
    const transaction = this.db.transaction([UPDATES, META], 'readwrite');
    transaction.objectStore(UPDATES).clear();
    transaction.objectStore(META).clear();
    await done(transaction);
    this.stored = 0;
  }

  close(): void {
    this.db.close();
  }

  // Reading and replacing stand in one transaction, so that another tab's write is not lost.
  private async compact(): Promise<void> {
    const transaction = this.db.transaction(UPDATES, 'readwrite');
    const store = transaction.objectStore(UPDATES);
    const all = (await result(store.getAll())) as Uint8Array[];
    store.clear();
    store.add(Y.mergeUpdates(all));
    await done(transaction);
    this.stored = 1;
  }
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
