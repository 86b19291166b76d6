// Keeps one Y.Doc in step with the server over a WebSocket, speaking `sangam.1`.
//
// Local edits are merged for one frame, stored on this device, and sent. The server's
// acknowledgement, and nothing else, makes them "saved". After every (re)connection the server asks
// for what it lacks (sync step 1), and the answer carries every edit that it has not confirmed;
// live updates are sent only after that, so that they never arrive before their past.

import * as awarenessProtocol from 'y-protocols/awareness';
import * as Y from 'yjs';
import { LIMITS, SUBPROTOCOL, type Hello, type RefusalCode } from '../shared/schema.gen';
import { OfflineCopy } from './offline';
import { SavingLedger, type Saving } from './saving';
import * as wire from './wire';

export type Connection = 'connecting' | 'online' | 'offline' | 'ended';

export interface Status {
  connection: Connection;
  saving: Saving;
  /** Edits that the server has not confirmed. */
  waiting: number;
  /** Set when the server will not take this device's edits as they are. */
  refused: RefusalCode | undefined;
  /** The close code, where coming back is of no use: the link was taken back, say. */
  endedBy: number | undefined;
  /** False for screens and for a document that takes no edits. */
  writable: boolean;
  /** True once the document has been read, from this device or from the server. */
  loaded: boolean;
}

export interface Options {
  url: string;
  documentId: string;
  doc: Y.Doc;
  /** How to open a socket; tests bring their own. */
  open?: (url: string, protocol: string) => WebSocket;
  random?: () => number;
}

const MERGE_MS = 16;
const BACKOFF_MS = { first: 250, most: 15_000 };
const SILENCE_MS = 30_000;
/** RFC 6455: the text frames and closes that mean "do not come back" stand in our protocol. */
const isFinal = (code: number) => code >= 4400 && code < 4500;

export class SangamProvider {
  readonly awareness: awarenessProtocol.Awareness;
  private socket: WebSocket | undefined;
  private copy: OfflineCopy | undefined;
  private readonly ledger = new SavingLedger();
  private readonly listeners = new Set<() => void>();
  private pending: Uint8Array[] = [];
  private pendingEdit = 0;
  private mergeTimer: ReturnType<typeof setTimeout> | undefined;
  private presenceTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly watchdog: ReturnType<typeof setInterval>;
  private attempts = 0;
  private lastHeard = 0;
  /** The server has asked for what it lacks, and was answered: live updates may follow. */
  private answered = false;
  private hello: Hello | undefined;
  private connection: Connection = 'connecting';
  private refused: RefusalCode | undefined;
  private endedBy: number | undefined;
  private loaded = false;
  private destroyed = false;
  private current: Status;

  constructor(private readonly options: Options) {
    this.awareness = new awarenessProtocol.Awareness(options.doc);
    this.current = this.snapshot();
    options.doc.on('update', this.onUpdate);
    this.awareness.on('update', this.onPresence);
    globalThis.addEventListener?.('online', this.hurry);
    globalThis.addEventListener?.('pagehide', this.leave);
    this.watchdog = setInterval(() => {
      if (this.connection === 'online' && Date.now() - this.lastHeard > SILENCE_MS) {
        this.socket?.close();
      }
    }, SILENCE_MS / 6);
    void this.start();
  }

  get status(): Status {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Forgets this device's copy; the next visit starts from what the server has. */
  async forget(): Promise<void> {
    await this.copy?.clear();
  }

  destroy(): void {
    this.destroyed = true;
    clearTimeout(this.mergeTimer);
    clearTimeout(this.presenceTimer);
    clearTimeout(this.retryTimer);
    clearInterval(this.watchdog);
    this.options.doc.off('update', this.onUpdate);
    this.awareness.off('update', this.onPresence);
    globalThis.removeEventListener?.('online', this.hurry);
    globalThis.removeEventListener?.('pagehide', this.leave);
    this.leave();
    this.awareness.destroy();
    this.socket?.close();
    this.copy?.close();
  }

  private async start(): Promise<void> {
    try {
      this.copy = await OfflineCopy.open(this.options.documentId);
      const { update, unsaved } = await this.copy.read();
      if (update) {
        Y.applyUpdate(this.options.doc, update, this);
        this.loaded = true;
      }
      if (unsaved) this.ledger.inherit();
    } catch {
      // Private mode, or no space: then "on this device" is never said.
      this.copy = undefined;
    }
    if (!this.destroyed) this.connect();
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    this.setConnection('connecting');
    const open = this.options.open ?? ((url, protocol) => new WebSocket(url, protocol));
    const socket = open(this.options.url, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.lastHeard = Date.now();
      this.answered = false;
      this.ledger.reconnect();
      socket.send(wire.step1(Y.encodeStateVector(this.options.doc)) as Uint8Array<ArrayBuffer>);
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer>) => {
      this.lastHeard = Date.now();
      this.hear(new Uint8Array(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.lost(event.code);
    };
  }

  private lost(code: number): void {
    this.socket = undefined;
    this.answered = false;
    const others = [...this.awareness.getStates().keys()].filter(
      (client) => client !== this.options.doc.clientID,
    );
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this);
    if (this.destroyed) return;
    if (isFinal(code)) {
      this.endedBy = code;
      this.setConnection('ended');
      return;
    }
    this.setConnection('offline');
    // Full jitter: a room that was cut off does not come back in one instant.
    const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.attempts);
    this.attempts += 1;
    this.retryIn(most * (this.options.random ?? Math.random)());
  }

  private retryIn(ms: number): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), ms);
  }

  private readonly hurry = () => {
    if (this.connection !== 'offline') return;
    this.attempts = 0;
    this.connect();
  };

  private readonly leave = () => {
    awarenessProtocol.removeAwarenessStates(this.awareness, [this.options.doc.clientID], 'leave');
    this.sendPresence();
  };

  private hear(frame: Uint8Array): void {
    const message = wire.read(frame);
    switch (message.kind) {
      case 'hello':
        this.hello = message.hello;
        break;
      case 'update':
        Y.applyUpdate(this.options.doc, message.update, this);
        if (message.step2) {
          this.attempts = 0;
          this.loaded = true;
          this.setConnection('online');
          // Others forgot us when the last connection ended; a higher clock brings us back.
          this.awareness.setLocalState(this.awareness.getLocalState());
        }
        break;
      case 'step1':
        this.flushMerge();
        this.ledger.send();
        this.answered = true;
        this.refused = undefined;
        this.post(wire.step2(Y.encodeStateAsUpdate(this.options.doc, message.stateVector)));
        break;
      case 'awareness':
        awarenessProtocol.applyAwarenessUpdate(this.awareness, message.payload, this);
        break;
      case 'ack':
        this.ledger.acknowledge(message.n);
        if (this.ledger.saving === 'saved') {
          // A stale "unsaved" only makes the next visit offer once more.
          this.copy?.markSaved().catch(() => undefined);
        }
        break;
      case 'refused':
        this.ledger.refuse(message.refusal.n);
        if (message.refusal.code !== 'gap') this.refused = message.refusal.code;
        // Live updates would only widen the gap: wait to be asked.
        this.answered = false;
        break;
      case 'draining':
        // The server closes soon; `lost` comes back after a random part of the back-off.
        this.attempts = 2;
        break;
      case 'other':
        break;
    }
    this.changed();
  }

  private readonly onUpdate = (update: Uint8Array, origin: unknown) => {
    if (origin === this) {
      // What the server has told us is worth keeping for the time without network.
      this.copy?.write(update, false).catch(() => undefined);
      return;
    }
    this.pending.push(update);
    this.pendingEdit = this.ledger.make();
    this.mergeTimer ??= setTimeout(() => this.flushMerge(), MERGE_MS);
    this.changed();
  };

  private flushMerge(): void {
    clearTimeout(this.mergeTimer);
    this.mergeTimer = undefined;
    if (this.pending.length === 0) return;
    const merged = this.pending.length === 1 ? this.pending[0]! : Y.mergeUpdates(this.pending);
    const edit = this.pendingEdit;
    this.pending = [];
    this.copy
      ?.write(merged, true)
      .then(() => {
        this.ledger.store(edit);
        this.changed();
      })
      .catch(() => {
        // Not on this device: the ledger says so by staying as it is.
      });
    if (this.answered) {
      this.ledger.send();
      this.post(wire.update(merged));
    }
  }

  private readonly onPresence = (_: unknown, origin: unknown) => {
    if (origin === this || origin === 'leave') return;
    this.presenceTimer ??= setTimeout(() => {
      this.presenceTimer = undefined;
      this.sendPresence();
    }, LIMITS.presenceIntervalMs);
  };

  private sendPresence(): void {
    const client = this.options.doc.clientID;
    if (!this.awareness.meta.has(client)) return;
    this.post(wire.awareness(awarenessProtocol.encodeAwarenessUpdate(this.awareness, [client])));
  }

  private post(frame: Uint8Array): void {
    if (this.socket?.readyState === 1) this.socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  private setConnection(connection: Connection): void {
    this.connection = connection;
    this.changed();
  }

  private snapshot(): Status {
    return {
      connection: this.connection,
      saving: this.ledger.saving,
      waiting: this.ledger.waiting,
      refused: this.refused,
      endedBy: this.endedBy,
      writable: this.hello?.writable ?? true,
      loaded: this.loaded,
    };
  }

  private changed(): void {
    const next = this.snapshot();
    const keys = Object.keys(next) as (keyof Status)[];
    if (keys.every((key) => next[key] === this.current[key])) return;
    this.current = next;
    this.listeners.forEach((listener) => listener());
  }
}
