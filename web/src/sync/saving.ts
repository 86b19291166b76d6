// What may be said about this device's edits. Three honest states, from three counts:
// made ≥ stored on this device, made ≥ acknowledged by the server.
//
// An acknowledgement counts messages. What a message proves depends on what went before it: a whole
// offer carries everything that this device has, and each live update after it adds what is new.
// Once one message of that chain was refused, the later ones prove nothing, until the next offer.

export type Saving = 'saved' | 'on-device' | 'unsaved';

export class SavingLedger {
  private made = 0;
  private onDevice = 0;
  private acknowledged = 0;
  /** Messages of this connection so far. */
  private sent = 0;
  /** The first message of the latest whole offer; undefined when its chain is broken. */
  private chain: number | undefined;
  /** What a message's acknowledgement proves: all edits up to `edit`, unless its chain broke. */
  private readonly proves = new Map<number, { edit: number; chain: number }>();

  /** An earlier visit left edits that the server never confirmed. */
  inherit(): void {
    this.made += 1;
    this.onDevice = this.made;
  }

  /** An edit was made; returns its number. */
  make(): number {
    this.made += 1;
    return this.made;
  }

  /** The browser has stored everything up to an edit. */
  store(edit: number): void {
    this.onDevice = Math.max(this.onDevice, edit);
  }

  /** The browser's copy is gone, or lacks something. */
  unstore(): void {
    this.onDevice = 0;
  }

  /** A connection has opened: nothing was sent on it yet. */
  reconnect(): void {
    this.proves.clear();
    this.sent = 0;
    this.chain = undefined;
  }

  /** The next so many messages carry, together, every edit made so far. */
  offer(messages: number): void {
    this.chain = this.sent + 1;
    this.sent += messages;
    this.proves.set(this.sent, { edit: this.made, chain: this.chain });
  }

  /** The next message, or so many of them, carry every edit since the last; returns its number. */
  send(messages = 1): number {
    this.sent += messages;
    if (this.chain !== undefined) {
      this.proves.set(this.sent, { edit: this.made, chain: this.chain });
    }
    return this.sent;
  }

  /** Messages up to the n-th are on the server's disk, but for those refused. */
  acknowledge(n: number): void {
    for (const [message, { edit }] of this.proves) {
      if (message > n) continue;
      this.acknowledged = Math.max(this.acknowledged, edit);
      this.proves.delete(message);
    }
  }

  /** The n-th message was not taken, nor any before it that was not acknowledged. */
  refuse(n: number): void {
    for (const [message, { chain }] of this.proves) {
      if (chain <= n) this.proves.delete(message);
    }
    if (this.chain !== undefined && this.chain <= n) this.chain = undefined;
  }

  get saving(): Saving {
    if (this.acknowledged === this.made) return 'saved';
    return this.onDevice === this.made ? 'on-device' : 'unsaved';
  }

  /** How many edits the server has not confirmed. */
  get waiting(): number {
    return this.made - this.acknowledged;
  }

  /** The number of the latest edit. */
  get latest(): number {
    return this.made;
  }
}
