// Applies to fresh documents what `server/tests/hostile/differential.rs` sends, and answers with
// what they say then: one text for each list of updates, or why there is none.

import * as Y from '../../web/node_modules/yjs/dist/yjs.mjs';
import { canonical, pending } from './canonical.mjs';
import { read, write } from './pipe.mjs';

for (let message = read(); message !== null; message = read()) {
  const said = [];
  for (let at = 0; at < message.length;) {
    const updates = [];
    let count = message.readUInt32LE(at);
    for (at += 4; count > 0; count -= 1) {
      const length = message.readUInt32LE(at);
      updates.push(Uint8Array.from(message.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    said.push(outcome(updates));
  }
  write(said.join('\0'));
}

function outcome(updates) {
  const doc = new Y.Doc();
  try {
    for (const update of updates) {
      Y.applyUpdate(doc, update);
      if (pending(doc)) return 'Yjs waits for what it will never get';
    }
    return canonical(doc);
  } catch (error) {
    return `Yjs throws: ${error.stack}`;
  } finally {
    doc.destroy();
  }
}
