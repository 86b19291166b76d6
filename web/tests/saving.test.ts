import { expect, it } from 'vitest';
import { SavingLedger } from '../src/sync/saving';

/** A ledger whose connection has been asked, and has offered everything in one message. */
function asked(): SavingLedger {
  const ledger = new SavingLedger();
  ledger.reconnect();
  ledger.offer(1);
  ledger.acknowledge(1);
  return ledger;
}

it('says "saved" only after the acknowledgement', () => {
  const ledger = asked();
  expect(ledger.saving).toBe('saved');
  const edit = ledger.make();
  expect(ledger.saving).toBe('unsaved');
  ledger.store(edit);
  expect(ledger.saving).toBe('on-device');
  const n = ledger.send();
  expect(ledger.saving).toBe('on-device');
  ledger.acknowledge(n);
  expect(ledger.saving).toBe('saved');
});

it('takes an acknowledgement for all earlier messages, and for no later one', () => {
  const ledger = asked();
  for (let i = 0; i < 3; i += 1) {
    ledger.make();
    ledger.send();
  }
  ledger.acknowledge(3);
  expect(ledger.waiting).toBe(1);
  ledger.acknowledge(4);
  expect(ledger.waiting).toBe(0);
});

it('does not believe an acknowledgement of a message that was refused', () => {
  const ledger = asked();
  ledger.make();
  const n = ledger.send();
  ledger.refuse(n);
  ledger.acknowledge(n);
  expect(ledger.saving).not.toBe('saved');
  ledger.offer(1);
  ledger.acknowledge(n + 1);
  expect(ledger.saving).toBe('saved');
});

it('does not believe what was sent after a refusal, until everything has been offered again', () => {
  const ledger = asked();
  ledger.make();
  const refused = ledger.send();
  ledger.make();
  const later = ledger.send();
  // The later message may well be taken: it is of another writer, or says nothing new.
  ledger.refuse(refused);
  ledger.acknowledge(later);
  expect(ledger.waiting).toBe(2);
  ledger.make();
  ledger.acknowledge(ledger.send());
  expect(ledger.waiting).toBe(3);
  ledger.offer(1);
  ledger.acknowledge(later + 2);
  expect(ledger.saving).toBe('saved');
});

it('keeps an offer that was on its way when an older message was refused', () => {
  const ledger = asked();
  ledger.make();
  const older = ledger.send();
  ledger.offer(1);
  ledger.refuse(older);
  ledger.acknowledge(older + 1);
  expect(ledger.saving).toBe('saved');
});

it('takes an offer in parts as one: the last part counts, and only if none was refused', () => {
  const ledger = new SavingLedger();
  ledger.make();
  ledger.offer(3);
  ledger.acknowledge(2);
  expect(ledger.waiting).toBe(1);
  ledger.acknowledge(3);
  expect(ledger.waiting).toBe(0);
  ledger.make();
  ledger.offer(3);
  ledger.refuse(4);
  ledger.acknowledge(6);
  expect(ledger.waiting).toBe(1);
});

it('counts what an earlier visit left, and what a lost connection did not deliver', () => {
  const ledger = new SavingLedger();
  ledger.inherit();
  expect(ledger.saving).toBe('on-device');
  ledger.offer(1);
  ledger.reconnect();
  ledger.acknowledge(1);
  expect(ledger.saving).toBe('on-device');
  ledger.offer(1);
  ledger.acknowledge(1);
  expect(ledger.saving).toBe('saved');
});

it('says "not saved yet" again when the browser has lost its copy', () => {
  const ledger = asked();
  ledger.store(ledger.make());
  expect(ledger.saving).toBe('on-device');
  ledger.unstore();
  expect(ledger.saving).toBe('unsaved');
});
