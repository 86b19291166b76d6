// Keeps one Y.Doc in step with the server, speaking `sangam.1`.
//
// Local edits are merged for one frame, stored on this device, shown to other tabs, and sent. The
// server's acknowledgement, and nothing else, makes them "saved". After every (re)connection the
// server asks for what it lacks (sync step 1), and the answer carries every edit that it has not
// confirmed; live updates are sent only after that, so that they never arrive before their past.

import * as awarenessProtocol from 'y-protocols/awareness';
import * as Y from 'yjs';
import { LIMITS, type Hello, type Refusal, type RefusalCode } from '../shared/schema.gen';
import { openEvents, openSocket, type Line, type Network, type OpenSocket } from './lines';
import { OfflineCopy } from './offline';
import { Rewrite, type Moved, type Offer } from './rewrite';
import { SavingLedger, type Saving } from './saving';
import { Tabs } from './tabs';
import { parts } from './update';
import * as wire from './wire';

export type Connection = 'connecting' | 'online' | 'offline' | 'ended';
export type Transport = 'websocket' | 'events';

export interface Status {
  connection: Connection;
  /** What carries the frames; `events` where WebSockets are blocked. */
  transport: Transport;
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
  /** Names this device's copy, which all tabs of one browser share. */
  copyName?: string;
  /**
   * Edits were refused as they were, and have been written anew in another document: show that one,
   * with a provider of these options. This provider is destroyed.
   */
  replaced: (next: Options) => void;
  /** What an earlier provider of the same page hands on. */
  after?: { refused: RefusalCode | undefined; epoch: string | undefined; generation: string };
  /** How to open a socket, or to ask by HTTP; tests bring their own. */
  open?: OpenSocket;
  fetch?: typeof fetch;
  random?: () => number;
  /** How long the fallback is used before WebSockets are tried again. */
  backToSocketsMs?: number;
}

const MERGE_MS = 16;
const BACKOFF_MS = { first: 250, most: 15_000 };
const SILENCE_MS = 30_000;
/** For an answer, after the network has changed. */
const ANSWER_MS = 5_000;
/** From opening a line to the server's first word. */
const GREETING_MS = 7_500;
/** WebSockets that fail in a row, never having carried a word, before the fallback is tried. */
const FAILED_SOCKETS = 2;
const BACK_TO_SOCKETS_MS = 300_000;
/** From being in step to being asked for what the server lacks, while edits wait. */
const ASKED_MS = 1_000;
/** 4400 to 4499: do not come back. */
const isFinal = (code: number) => code >= 4400 && code < 4500;

export class SangamProvider {
  readonly awareness: awarenessProtocol.Awareness;
  private line: Line | undefined;
  private transport: Transport = 'websocket';
  /** The server has said something on this line. */
  private greeted = false;
  private failedSockets = 0;
  private readonly network: Network = { holdsAnswersBack: false };
  private readonly copy: OfflineCopy;
  private tabs: Tabs | undefined;
  private readonly ledger = new SavingLedger();
  private readonly listeners = new Set<() => void>();
  private pending: Uint8Array[] = [];
  private mergeTimer: ReturnType<typeof setTimeout> | undefined;
  private presenceTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private askedTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly watchdog: ReturnType<typeof setInterval>;
  private attempts = 0;
  private lastHeard = 0;
  private openedAt = 0;
  private leftSocketsAt = 0;
  /** Where a stopping server wants us to come back within. */
  private drainMs: number | undefined;
  /** The server has asked for what it lacks, and was answered: live updates may follow. */
  private answered = false;
  private hello: Hello | undefined;
  private epoch: string | undefined;
  private generation = '';
  private nextGeneration: string = crypto.randomUUID();
  private connection: Connection = 'connecting';
  private refused: RefusalCode | undefined;
  private endedBy: number | undefined;
  private loaded = false;
  private destroyed = false;
  private lastPresence: Record<string, unknown> | null = null;
  private current: Status;
  /** Set while edits have to be written anew. */
  private rewrite: Rewrite | undefined;
  private rewriteFor: RefusalCode | undefined;
  private rewriting = false;
  /** What the server has and nothing else, while edits are written anew. */
  private fresh: Y.Doc | undefined;
  /** Whoever waits for the answer to each of our sync steps 1, in order. */
  private questions: (((state: Uint8Array | undefined) => void) | undefined)[] = [];
  private readonly verdicts = new Map<number, (verdict: Awaited<ReturnType<Offer>>) => void>();

  constructor(private readonly options: Options) {
    const { doc, after } = options;
    doc.clientID = clientId();
    this.awareness = new awarenessProtocol.Awareness(doc);
    this.copy = new OfflineCopy(this.copyName, {
      state: () => ({ update: Y.encodeStateAsUpdate(doc), edit: this.ledger.latest }),
      stored: (edit) => {
        this.ledger.store(edit);
        this.changed();
      },
      lost: () => {
        this.ledger.unstore();
        this.changed();
      },
    });
    this.loaded = after !== undefined;
    this.refused = after?.refused;
    this.epoch = after?.epoch;
    this.generation = after?.generation ?? '';
    this.current = this.snapshot();
    doc.on('update', this.onUpdate);
    doc.on('afterTransaction', this.onTransaction);
    this.awareness.on('update', this.onPresence);
    globalThis.addEventListener?.('online', this.onOnline);
    globalThis.addEventListener?.('pagehide', this.leave);
    globalThis.addEventListener?.('pageshow', this.comeBack);
    globalThis.document?.addEventListener('visibilitychange', this.onVisibility);
    this.watchdog = setInterval(this.watch, GREETING_MS / 3);
    void this.start();
  }

  get status(): Status {
    return this.current;
  }

  private get copyName(): string {
    return this.options.copyName ?? `sangam:${this.options.documentId}`;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Forgets this device's copy; the next visit starts from what the server has. */
  async forget(): Promise<void> {
    await this.copy.clear();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.flushMerge();
    this.leave();
    this.destroyed = true;
    clearTimeout(this.mergeTimer);
    clearTimeout(this.presenceTimer);
    clearTimeout(this.retryTimer);
    clearTimeout(this.askedTimer);
    clearInterval(this.watchdog);
    this.options.doc.off('update', this.onUpdate);
    this.options.doc.off('afterTransaction', this.onTransaction);
    this.awareness.off('update', this.onPresence);
    globalThis.removeEventListener?.('online', this.onOnline);
    globalThis.removeEventListener?.('pagehide', this.leave);
    globalThis.removeEventListener?.('pageshow', this.comeBack);
    globalThis.document?.removeEventListener('visibilitychange', this.onVisibility);
    this.awareness.destroy();
    this.line?.close();
    this.line = undefined;
    this.forgetLine();
    this.tabs?.close();
    this.copy.close();
  }

  private async start(): Promise<void> {
    const { doc } = this.options;
    try {
      const found = await this.copy.read();
      this.generation = found.generation || this.generation;
      this.epoch ??= found.epoch;
      if (found.updates.length > 0) {
        doc.transact(() => found.updates.forEach((update) => Y.applyUpdate(doc, update)), COPY);
        this.loaded = true;
      }
      if (found.unsaved) this.ledger.inherit();
    } catch {
      // Private mode, or no space: then "on this device" is never said.
    }
    if (this.destroyed) return;
    this.tabs = new Tabs(`${this.copyName}:${this.generation}`, {
      update: (update) => Y.applyUpdate(doc, update, TAB),
      has: () => Y.encodeStateVector(doc),
      lacks: (stateVector) => Y.encodeStateAsUpdate(doc, stateVector),
      rewritten: (table, generation) => this.rewritten(table, generation),
    });
    this.tabs.ask(Y.encodeStateVector(doc));
    this.connect();
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    this.dropLine();
    this.setConnection('connecting');
    // Where sockets fail, both are tried in turn: perhaps it is the server that is away.
    const turn = this.failedSockets - FAILED_SOCKETS;
    const kind = turn >= 0 && turn % 2 === 0 ? 'events' : 'websocket';
    this.openedAt = Date.now();
    this.greeted = false;
    this.transport = kind;
    this.line = this.openLine(kind, (line) => line === this.line);
  }

  private openLine(kind: Transport, isOurs: (line: Line) => boolean): Line {
    const { url, open = defaultOpen, fetch = globalThis.fetch } = this.options;
    const events = {
      opened: () => {
        if (isOurs(line)) this.opened();
      },
      frame: (frame: Uint8Array) => {
        if (isOurs(line)) this.heard(frame);
      },
      closed: (code: number) => {
        if (isOurs(line)) this.lost(code);
      },
    };
    const line: Line =
      kind === 'websocket'
        ? openSocket(url, events, open)
        : openEvents(url, events, this.network, fetch);
    return line;
  }

  private opened(): void {
    this.lastHeard = Date.now();
    this.answered = false;
    this.ledger.reconnect();
    this.ask(Y.encodeStateVector(this.options.doc));
  }

  private heard(frame: Uint8Array): void {
    this.lastHeard = Date.now();
    if (!this.greeted) {
      this.greeted = true;
      if (this.transport === 'websocket') this.failedSockets = 0;
      else this.leftSocketsAt ||= Date.now();
    }
    try {
      this.hear(frame);
    } catch (error) {
      // Not what our server says: begin again rather than go on with half of it.
      console.error(error);
      this.lost(1002);
    }
  }

  /** Ends the line without waiting for anybody's answer. */
  private dropLine(): void {
    const line = this.line;
    this.line = undefined;
    line?.close();
    this.forgetLine();
  }

  /** Whatever was asked or sent on the line will not be answered. */
  private forgetLine(): void {
    this.answered = false;
    clearTimeout(this.askedTimer);
    this.questions.forEach((answer) => answer?.(undefined));
    this.questions = [];
    this.verdicts.forEach((verdict) => verdict('lost'));
    this.verdicts.clear();
  }

  private lost(code: number): void {
    if (!this.greeted) {
      if (this.transport === 'websocket' || this.failedSockets >= FAILED_SOCKETS) {
        this.failedSockets += 1;
      }
    }
    this.dropLine();
    const others = [...this.awareness.getStates().keys()].filter(
      (client) => client !== this.awareness.clientID,
    );
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this);
    if (this.destroyed) return;
    if (isFinal(code)) {
      this.endedBy = code;
      this.setConnection('ended');
      return;
    }
    if (this.refused === 'unavailable') this.refused = undefined;
    this.setConnection('offline');
    // Full jitter: a room that was cut off does not come back in one instant.
    const most = this.drainMs ?? Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.attempts);
    this.drainMs = undefined;
    this.attempts += 1;
    this.retryIn(most * (this.options.random ?? Math.random)());
  }

  private retryIn(ms: number): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), ms);
  }

  private readonly watch = () => {
    const now = Date.now();
    if (!this.line) return;
    const silent = this.greeted
      ? now - this.lastHeard > SILENCE_MS
      : now - this.openedAt > GREETING_MS;
    if (silent) {
      this.lost(1006);
    } else if (
      this.leftSocketsAt &&
      now - this.leftSocketsAt > (this.options.backToSocketsMs ?? BACK_TO_SOCKETS_MS)
    ) {
      this.tryASocket();
    }
  };

  /** On the fallback: perhaps this network lets WebSockets through by now. */
  private tryASocket(): void {
    this.leftSocketsAt = this.transport === 'events' ? Date.now() : 0;
    if (this.transport !== 'events' || this.connection !== 'online') return;
    const { url, open = defaultOpen } = this.options;
    const waiting: Uint8Array[] = [];
    const socket = openSocket(
      url,
      {
        opened: () => undefined,
        frame: (frame) => {
          if (this.line === socket) return this.heard(frame);
          waiting.push(frame);
          if (this.destroyed || waiting.length > 1) return;
          // It carries a word: this is the line from now on.
          this.dropLine();
          this.line = socket;
          this.transport = 'websocket';
          this.leftSocketsAt = 0;
          this.failedSockets = 0;
          this.opened();
          this.heard(frame);
        },
        closed: (code) => {
          if (this.line === socket) this.lost(code);
        },
      },
      open,
    );
    setTimeout(() => {
      if (this.line !== socket) socket.close();
    }, GREETING_MS);
  }

  private readonly onOnline = () => {
    // Another network, perhaps: one that lets WebSockets through.
    if (this.connection === 'offline') this.failedSockets = Math.min(this.failedSockets, 1);
    if (this.connection === 'online') {
      // The old one's connections may be dead without a word: ask, and wait no longer than this.
      this.ask(Y.encodeStateVector(this.options.doc));
      this.lastHeard = Date.now() - SILENCE_MS + ANSWER_MS;
    }
    this.hurry();
  };

  private readonly onVisibility = () => {
    if (globalThis.document?.visibilityState === 'visible') {
      this.watch();
      this.hurry();
    } else {
      // A phone may never let this page run again.
      this.flushMerge();
    }
  };

  private hurry(): void {
    if (this.connection !== 'offline' || this.destroyed) return;
    this.attempts = 0;
    this.connect();
  }

  /** The page goes, or goes to sleep. */
  private readonly leave = () => {
    this.flushMerge();
    this.copy.hurry();
    this.lastPresence = this.awareness.getLocalState() ?? this.lastPresence;
    awarenessProtocol.removeAwarenessStates(this.awareness, [this.awareness.clientID], 'leave');
    this.sendPresence();
  };

  /** The page is shown again as it was left. Its line may look open, and is not. */
  private readonly comeBack = (event: Event) => {
    if (!(event as PageTransitionEvent).persisted || this.destroyed) return;
    if (this.lastPresence) this.awareness.setLocalState(this.lastPresence);
    if (this.connection === 'ended') return;
    this.tabs?.ask(Y.encodeStateVector(this.options.doc));
    this.attempts = 0;
    this.connect();
  };

  private hear(frame: Uint8Array): void {
    const message = wire.read(frame);
    switch (message.kind) {
      case 'hello':
        this.greet(message.hello);
        break;
      case 'update':
        if (message.step2) {
          this.inStep(message.update);
          // While this device was away, something may have been erased.
          this.copy.tidy();
        } else this.apply(message.update);
        break;
      case 'step1':
        this.answer(message.stateVector);
        break;
      case 'awareness':
        awarenessProtocol.applyAwarenessUpdate(this.awareness, message.payload, this);
        break;
      case 'ack':
        this.acknowledged(message.n);
        break;
      case 'refused':
        this.refuse(message.refusal);
        break;
      case 'draining':
        this.drainMs = message.withinMs;
        break;
      case 'other':
        break;
    }
    this.changed();
  }

  private greet(hello: Hello): void {
    this.hello = hello;
    // Whoever may not write cannot offer anything: the next one who may on this device will.
    if (!hello.writable || hello.epoch === this.epoch) return;
    if (this.epoch === undefined) {
      this.copy.belongsTo(hello.epoch);
    } else {
      // The server has lost what was acknowledged since its backup. Nothing is saved any more,
      // until it has taken what it now asks for.
      this.copy.belongsTo(hello.epoch, this.ledger.make());
    }
    this.epoch = hello.epoch;
  }

  private apply(update: Uint8Array): void {
    if (this.fresh) Y.applyUpdate(this.fresh, update);
    // What is written anew is for the next document: here it would stand twice.
    if (!this.rewrite?.hasBegun) Y.applyUpdate(this.options.doc, update, SERVER);
  }

  private inStep(update: Uint8Array): void {
    const whole = this.questions.shift();
    this.apply(update);
    // What was missing is here: it stays, should the network go at once.
    this.copy.hurry();
    whole?.(update);
    this.attempts = 0;
    this.loaded = true;
    if (this.connection !== 'online') {
      this.setConnection('online');
      // Others forgot us when the last connection ended; a higher clock brings us back.
      this.awareness.setLocalState(this.awareness.getLocalState());
    }
    this.expectAQuestion();
  }

  /** The server says what it has, and so asks for the rest. */
  private answer(stateVector: Uint8Array): void {
    if (this.hello && !this.hello.writable) this.hello = { ...this.hello, writable: true };
    clearTimeout(this.askedTimer);
    if (this.rewriting) return;
    if (this.rewrite) {
      void this.writeAnew();
      return;
    }
    this.flushMerge();
    this.answered = true;
    if (this.refused === 'unavailable' || this.refused === 'read_only') this.refused = undefined;
    const update = Y.encodeStateAsUpdate(this.options.doc, stateVector);
    const messages = this.messages(update);
    if (!messages) return;
    this.ledger.offer(messages.length);
    const last = messages.length - 1;
    messages.forEach((part, i) => this.post(i === last ? wire.step2(part) : wire.update(part)));
  }

  private acknowledged(n: number): void {
    this.ledger.acknowledge(n);
    for (const [message, verdict] of this.verdicts) {
      if (message > n) continue;
      this.verdicts.delete(message);
      verdict('taken');
    }
    if (this.ledger.saving === 'saved') this.copy.saved(this.ledger.latest);
  }

  private refuse({ n, code }: Refusal): void {
    this.ledger.refuse(n);
    const verdict = this.verdicts.get(n);
    if (verdict) {
      this.verdicts.delete(n);
      verdict(code);
    }
    // Live updates would only widen the gap: wait to be asked.
    this.answered = false;
    if (this.rewriting) {
      if (code === 'unavailable' || code === 'read_only') this.refused = code;
      return;
    }
    switch (code) {
      case 'gap':
        break;
      case 'foreign_client':
      case 'schema':
      case 'too_large':
        this.rewriteFor = code;
        void this.writeAnew();
        return;
      default:
        this.refused = code;
    }
    this.expectAQuestion();
  }

  /**
   * A server that takes edits asks for them. One that does not ask says nothing, and it may be that
   * a change of our rights went by: say so, and ask what there is to say.
   */
  private expectAQuestion(waitMs = ASKED_MS): void {
    clearTimeout(this.askedTimer);
    if (this.answered || this.rewriting) return;
    this.askedTimer = setTimeout(() => {
      if (this.answered || this.rewriting || this.connection !== 'online') return;
      if (this.ledger.waiting > 0) {
        this.refused ??= this.hello?.writable === false ? 'read_only' : 'unavailable';
        this.ask(Y.encodeStateVector(this.options.doc));
        this.changed();
      }
      this.expectAQuestion(Math.min(waitMs * 2, BACKOFF_MS.most));
    }, waitMs);
  }

  private rewritten(table: Moved[], generation: string): void {
    this.nextGeneration = generation;
    this.rewrite ??= new Rewrite(clientId());
    this.rewrite.adopt(table);
    if (this.connection === 'online') void this.writeAnew();
  }

  /** Edits that are refused as they are, in another document: see `rewrite`. */
  private async writeAnew(): Promise<void> {
    if (this.rewriting || this.destroyed) return;
    this.rewriting = true;
    const rewrite = (this.rewrite ??= new Rewrite(clientId()));
    try {
      // One tab after the other, each told what the one before it has done.
      const next = await oneTabAtATime(this.copyName, () => this.writeAllAnew(rewrite));
      if (next) {
        this.destroy();
        this.options.replaced(next);
        return;
      }
    } finally {
      this.rewriting = false;
      this.fresh = undefined;
    }
    // Cut off: the next question begins it again, and finds what has arrived.
    this.expectAQuestion();
  }

  private async writeAllAnew(rewrite: Rewrite): Promise<Options | undefined> {
    const { doc } = this.options;
    await this.heedOtherTabs(rewrite);
    const state = await this.wholeState();
    if (!state) return undefined;
    const fresh = new Y.Doc();
    Y.applyUpdate(fresh, state);
    this.fresh = fresh;
    let before: number;
    do {
      before = rewrite.taken + rewrite.leftOut;
      if (!(await rewrite.run(doc, fresh, this.offer)) || this.destroyed) return undefined;
      // Once more for what was typed meanwhile. A last round that offers nothing waits for nobody.
    } while (rewrite.taken + rewrite.leftOut > before);
    this.pending = [];
    const generation = this.nextGeneration;
    const update = Y.encodeStateAsUpdate(fresh);
    this.copy.replace(update, generation, rewrite.table).catch(() => {
      // This browser keeps nothing, and the server has it all.
    });
    this.tabs?.rewritten(rewrite.table, generation);
    const refused = rewrite.leftOut > 0 ? this.rewriteFor : undefined;
    const after = { refused, epoch: this.epoch, generation };
    return { ...this.options, doc: fresh, after };
  }

  /** What another tab has written anew is written. Its copy says so even to a page that slept. */
  private async heedOtherTabs(rewrite: Rewrite): Promise<void> {
    try {
      const { generation, moved } = await this.copy.replaced();
      if (typeof generation !== 'string' || !Array.isArray(moved)) return;
      if (generation !== this.generation) this.nextGeneration = generation;
      rewrite.adopt(moved as Moved[]);
    } catch {
      // No copy: then there is the other tab's own word.
    }
  }

  private wholeState(): Promise<Uint8Array | undefined> {
    if (!this.line) return Promise.resolve(undefined);
    return new Promise((resolve) => this.ask(Uint8Array.of(0), resolve));
  }

  private readonly offer: Offer = (update) => {
    if (!this.line) return Promise.resolve('lost');
    const n = this.ledger.send();
    this.post(wire.update(update));
    return new Promise((resolve) => this.verdicts.set(n, resolve));
  };

  private readonly onUpdate = (update: Uint8Array, origin: unknown) => {
    if (origin === COPY) return;
    if (origin === SERVER) {
      // What the server has told us is worth keeping for the time without network.
      this.copy.add(update);
      return;
    }
    if (origin !== TAB) this.tabs?.update(update);
    this.pending.push(update);
    this.ledger.make();
    this.mergeTimer ??= setTimeout(() => this.flushMerge(), MERGE_MS);
    this.changed();
  };

  /** A row of a table was removed for good: its words leave this device as well. */
  private readonly onTransaction = ({ changed, origin }: Y.Transaction) => {
    if (origin === COPY) return;
    for (const [type, keys] of changed) {
      if (type._item !== null || !(type instanceof Y.Map)) continue;
      if ([...keys].some((key) => key !== null && !type.has(key))) this.copy.tidy();
    }
  };

  private flushMerge(): void {
    clearTimeout(this.mergeTimer);
    this.mergeTimer = undefined;
    if (this.pending.length === 0 || this.destroyed) return;
    const merged = this.pending.length === 1 ? this.pending[0]! : Y.mergeUpdates(this.pending);
    this.pending = [];
    this.copy.add(merged, this.ledger.latest);
    if (!this.answered) return this.expectAQuestion();
    const messages = this.messages(merged);
    if (!messages) return;
    this.ledger.send(messages.length);
    for (const part of messages) this.post(wire.update(part));
  }

  private readonly onPresence = (_: unknown, origin: unknown) => {
    if (origin === this || origin === 'leave') return;
    this.presenceTimer ??= setTimeout(() => {
      this.presenceTimer = undefined;
      this.sendPresence();
    }, LIMITS.presenceIntervalMs);
  };

  private sendPresence(): void {
    const client = this.awareness.clientID;
    if (!this.awareness.meta.has(client)) return;
    this.post(wire.awareness(awarenessProtocol.encodeAwarenessUpdate(this.awareness, [client])));
  }

  private ask(stateVector: Uint8Array, answer?: (state: Uint8Array | undefined) => void): void {
    this.questions.push(answer);
    this.post(wire.step1(stateVector));
  }

  private post(frame: Uint8Array): void {
    this.line?.send(frame);
  }

  /**
   * An update as messages that the server reads, with room for their envelope. One edit that is too
   * large for any message would end every connection: it is left out, as if it had been refused.
   */
  private messages(update: Uint8Array): Uint8Array[] | undefined {
    const bytesMax = (this.hello?.messageBytesMax ?? LIMITS.messageBytesMax) - 64;
    const messages = parts(update, bytesMax);
    if (messages.every((message) => message.length <= bytesMax)) return messages;
    this.answered = false;
    this.rewriteFor = 'too_large';
    void this.writeAnew();
    return undefined;
  }

  private setConnection(connection: Connection): void {
    this.connection = connection;
    this.changed();
  }

  private snapshot(): Status {
    return {
      connection: this.connection,
      transport: this.transport,
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

// Where a change of the document comes from; everything else is somebody's edit on this page.
const SERVER = Symbol('server');
const COPY = Symbol('copy');
const TAB = Symbol('tab');

function defaultOpen(url: string, protocol: string): WebSocket {
  return new WebSocket(url, protocol);
}

/**
 * A Yjs client id of 48 bits. Yjs draws 32, and among the thousands of pages that ever write to one
 * board two would meet once in a thousand boards: the second one's words would be taken for the
 * first one's, which everybody has.
 */
function clientId(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0xffff) * 2 ** 32 + low || 1;
}

async function oneTabAtATime<T>(name: string, act: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks ? locks.request(name, act) : act();
}
