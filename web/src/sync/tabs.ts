// Several tabs of one browser share one document: what is written in one appears in the others,
// with or without a network. Each tab has its own Yjs client id and its own connection.

import type { Moved } from './rewrite';

export interface TabEvents {
  /** Another tab has something that we may lack. */
  update: (update: Uint8Array) => void;
  /** Another tab says what it has; the answer is what it lacks. */
  lacks: (stateVector: Uint8Array) => Uint8Array;
  /** Our state vector. */
  has: () => Uint8Array;
  /** Another tab has written the unsaved edits anew, under other ids. */
  rewritten: (table: Moved[], generation: string) => void;
}

type Message =
  | { kind: 'update'; update: Uint8Array }
  | { kind: 'ask'; has: Uint8Array; answer: boolean }
  | { kind: 'rewritten'; table: Moved[]; generation: string };

export class Tabs {
  private readonly channel: BroadcastChannel | undefined;

  constructor(name: string, events: TabEvents) {
    if (!('BroadcastChannel' in globalThis)) return;
    const channel = new BroadcastChannel(name);
    this.channel = channel;
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      switch (data.kind) {
        case 'update':
          events.update(data.update);
          break;
        case 'ask':
          this.update(events.lacks(data.has));
          // Once the other way round: a page that slept may have missed something itself.
          if (!data.answer) this.post({ kind: 'ask', has: events.has(), answer: true });
          break;
        case 'rewritten':
          events.rewritten(data.table, data.generation);
          break;
      }
    };
  }

  /** Asks all other tabs for what we lack, and lets them ask back. */
  ask(has: Uint8Array): void {
    this.post({ kind: 'ask', has, answer: false });
  }

  update(update: Uint8Array): void {
    // Two bytes say that nothing is new.
    if (update.length > 2) this.post({ kind: 'update', update });
  }

  rewritten(table: Moved[], generation: string): void {
    this.post({ kind: 'rewritten', table, generation });
  }

  close(): void {
    this.channel?.close();
  }

  private post(message: Message): void {
    this.channel?.postMessage(message);
  }
}
