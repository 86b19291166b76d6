// What may be said about this device's edits. Three honest states, from three counts:
// made ≥ stored on this device, made ≥ acknowledged by the server.

export type Saving = 'saved' | 'on-device' | 'unsaved';

export class SavingLedger {
  private made = 0;
  private onDevice = 0;
  private acknowledged = 0;
  /** Which edits each message of this connection carries: all up to a count. */
  private covers = new Map<number, number>();
  private sent = 0;

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

  /** A connection has opened: nothing was sent on it yet. */
  reconnect(): void {
    this.covers.clear();
    this.sent = 0;
  }

  /** The next message carries every edit made so far; returns its number. */
  send(): number {
    this.sent += 1;
    this.covers.set(this.sent, this.made);
    return this.sent;
  }

  /** Messages up to the n-th are on the server's disk. */
  acknowledge(n: number): void {
    for (const [message, edit] of this.covers) {
      if (message > n) continue;
      this.acknowledged = Math.max(this.acknowledged, edit);
      this.covers.delete(message);
    }
  }

  /** The n-th message was not taken, nor any before it that was not acknowledged. */
  refuse(n: number): void {
    for (const message of this.covers.keys()) {
      if (message <= n) this.covers.delete(message);
    }
  }

  get saving(): Saving {
    if (this.acknowledged === this.made) return 'saved';
    return this.onDevice === this.made ? 'on-device' : 'unsaved';
  }

  /** How many edits the server has not confirmed. */
  get waiting(): number {
    return this.made - this.acknowledged;
  }
}
