// Messages to and from the Rust side: a length in four bytes, then that many bytes.

import { readSync, writeSync } from 'node:fs';

let buffer = Buffer.alloc(0);

/** The next message; `null` at the end. */
export function read() {
  const header = take(4);
  return header && take(header.readUInt32LE(0));
}

export function write(...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  let rest = Buffer.concat([header, body]);
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}

function take(count) {
  while (buffer.length < count) {
    const chunk = Buffer.alloc(65_536);
    const got = readSync(0, chunk, 0, chunk.length, null);
    if (got === 0) return null;
    buffer = Buffer.concat([buffer, chunk.subarray(0, got)]);
  }
  const taken = buffer.subarray(0, count);
  buffer = buffer.subarray(count);
  return taken;
}
