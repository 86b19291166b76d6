import { expect, it } from 'vitest';
import { SavingLedger } from '../src/sync/saving';

it('says "saved" only after the acknowledgement', () => {
  const ledger = new SavingLedger();
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
  const ledger = new SavingLedger();
  for (let i = 0; i < 3; i += 1) {
    ledger.make();
    ledger.send();
  }
  ledger.acknowledge(2);
  expect(ledger.waiting).toBe(1);
  ledger.acknowledge(3);
  expect(ledger.waiting).toBe(0);
});

it('does not believe an acknowledgement of a message that was refused', () => {
  const ledger = new SavingLedger();
  ledger.make();
  const n = ledger.send();
  ledger.refuse(n);
  ledger.acknowledge(n);
  expect(ledger.saving).not.toBe('saved');
  ledger.acknowledge(ledger.send());
  expect(ledger.saving).toBe('saved');
});

it('counts what an earlier visit left, and what a lost connection did not deliver', () => {
  const ledger = new SavingLedger();
  ledger.inherit();
  expect(ledger.saving).toBe('on-device');
  ledger.send();
  ledger.reconnect();
  ledger.acknowledge(1);
  expect(ledger.saving).toBe('on-device');
  ledger.acknowledge(ledger.send());
  expect(ledger.saving).toBe('saved');
});
