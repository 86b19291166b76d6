// Yjs updates taken apart and put together again, struct by struct, in causal order.

import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';

export type Struct = Y.Item | Y.GC | Y.Skip;
/** Ranges by client, ascending. */
export type Deletes = Map<number, { clock: number; len: number }[]>;

/**
 * Cuts an update into messages of at most about `bytesMax`, each of which builds on nothing but
 * what came before it. Deletions come last, together: a row goes with everything in it.
 */
export function parts(update: Uint8Array, bytesMax: number): Uint8Array[] {
  if (update.length <= bytesMax) return [update];
  const { structs, ds } = Y.decodeUpdate(update);
  const cut: Struct[][] = [[]];
  let scratch = new Y.UpdateEncoderV1();
  for (const struct of inCausalOrder(structs)) {
    struct.write(scratch, 0);
    if (encoding.length(scratch.restEncoder) > bytesMax * 0.9 && cut.at(-1)!.length > 0) {
      cut.push([]);
      scratch = new Y.UpdateEncoderV1();
      struct.write(scratch, 0);
    }
    cut.at(-1)!.push(struct);
  }
  const messages = cut.map((part) => encode(part, new Map()));
  if (ds.clients.size > 0) {
    const last = encode(cut.at(-1)!, ds.clients);
    if (last.length <= bytesMax) messages.pop();
    messages.push(last.length <= bytesMax ? last : encode([], ds.clients));
  }
  return messages;
}

/**
 * Every struct after all that it refers to. What an update refers to and does not hold is taken
 * for known; what waits for a struct that is missing between others is left out.
 */
export function inCausalOrder(structs: readonly Struct[]): Struct[] {
  const queues = new Map<number, { structs: Struct[]; at: number; clock: number }>();
  for (const [client, own] of grouped(structs)) {
    queues.set(client, { structs: own, at: 0, clock: own[0]!.id.clock });
  }
  const ready = (id: Y.ID | null) => {
    const queue = id && queues.get(id.client);
    return !queue || id.clock < queue.clock;
  };
  const ordered: Struct[] = [];
  for (let moved = true; moved;) {
    moved = false;
    for (const queue of queues.values()) {
      for (let next = queue.structs[queue.at]; next; next = queue.structs[queue.at]) {
        if (next.id.clock !== queue.clock || next instanceof Y.Skip) break;
        if (next instanceof Y.Item && !refersTo(next).every(ready)) break;
        ordered.push(next);
        queue.clock += next.length;
        queue.at += 1;
        moved = true;
      }
    }
  }
  return ordered;
}

/** Origin, right origin and parent, where they are structs. */
export function refersTo(item: Y.Item): (Y.ID | null)[] {
  return [item.origin, item.rightOrigin, item.parent instanceof Y.ID ? item.parent : null];
}

/** Writes an update (V1). The structs of each client must follow one another. */
export function encode(structs: readonly Struct[], deletes: Deletes): Uint8Array {
  const byClient = grouped(structs);
  const encoder = new Y.UpdateEncoderV1();
  const rest = encoder.restEncoder;
  encoding.writeVarUint(rest, byClient.size);
  for (const [client, own] of byClient) {
    encoding.writeVarUint(rest, own.length);
    encoding.writeVarUint(rest, client);
    encoding.writeVarUint(rest, own[0]!.id.clock);
    for (const struct of own) struct.write(encoder, 0);
  }
  encoding.writeVarUint(rest, deletes.size);
  for (const [client, ranges] of deletes) {
    encoding.writeVarUint(rest, client);
    encoding.writeVarUint(rest, ranges.length);
    for (const { clock, len } of ranges) {
      encoding.writeVarUint(rest, clock);
      encoding.writeVarUint(rest, len);
    }
  }
  return encoding.toUint8Array(rest);
}

function grouped(structs: readonly Struct[]): Map<number, Struct[]> {
  const groups = new Map<number, Struct[]>();
  for (const struct of structs) {
    const group = groups.get(struct.id.client);
    if (group) group.push(struct);
    else groups.set(struct.id.client, [struct]);
  }
  return groups;
}
