// Frames of the y-protocols and of `sangam.1`, read and written. docs/PROTOCOL.md says when.

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { MESSAGE, type Hello, type Refusal } from '../shared/schema.gen';

export type ServerMessage =
  | { kind: 'step1'; stateVector: Uint8Array }
  | { kind: 'update'; update: Uint8Array; step2: boolean }
  | { kind: 'awareness'; payload: Uint8Array }
  | { kind: 'hello'; hello: Hello }
  | { kind: 'ack'; n: number }
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'draining'; withinMs: number }
  | { kind: 'other' };

export function read(frame: Uint8Array): ServerMessage {
  const decoder = decoding.createDecoder(frame);
  switch (decoding.readVarUint(decoder)) {
    case MESSAGE.SYNC: {
      const step = decoding.readVarUint(decoder);
      const payload = decoding.readVarUint8Array(decoder);
      if (step === 0) return { kind: 'step1', stateVector: payload };
      return { kind: 'update', update: payload, step2: step === 1 };
    }
    case MESSAGE.AWARENESS:
      return { kind: 'awareness', payload: decoding.readVarUint8Array(decoder) };
    case MESSAGE.HELLO:
      return { kind: 'hello', hello: JSON.parse(decoding.readVarString(decoder)) as Hello };
    case MESSAGE.ACK:
      return { kind: 'ack', n: decoding.readVarUint(decoder) };
    case MESSAGE.REFUSED:
      return { kind: 'refused', refusal: JSON.parse(decoding.readVarString(decoder)) as Refusal };
    case MESSAGE.DRAINING:
      return { kind: 'draining', withinMs: decoding.readVarUint(decoder) };
    default:
      return { kind: 'other' };
  }
}

export function step1(stateVector: Uint8Array): Uint8Array {
  return sync(0, stateVector);
}

export function step2(update: Uint8Array): Uint8Array {
  return sync(1, update);
}

export function update(bytes: Uint8Array): Uint8Array {
  return sync(2, bytes);
}

export function awareness(payload: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE.AWARENESS);
  encoding.writeVarUint8Array(encoder, payload);
  return encoding.toUint8Array(encoder);
}

function sync(step: number, payload: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE.SYNC);
  encoding.writeVarUint(encoder, step);
  encoding.writeVarUint8Array(encoder, payload);
  return encoding.toUint8Array(encoder);
}
