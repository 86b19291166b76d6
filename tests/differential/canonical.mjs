// What a board says, as one text: keys in order, and what is empty left out, as `null` and absence
// mean the same in a board. The Rust side writes the same (`server/tests/yjs.rs`).

export const TEXTS = ['question', 'minutes'];
export const TABLES = ['practices', 'ideas', 'clusters', 'plans'];

export function canonical(doc) {
  const roots = {};
  for (const name of TEXTS) roots[name] = doc.getText(name).toString();
  for (const name of TABLES) roots[name] = doc.getMap(name).toJSON();
  return JSON.stringify(sorted(roots));
}

function sorted(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).filter(([, held]) => held !== null && held !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, held]) => [key, sorted(held)]));
}

/** Yjs keeps what it cannot integrate for later. A document of ours never makes it wait. */
export function pending(doc) {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
}
