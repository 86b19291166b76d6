// A <textarea> or <input> bound to a Y.Text: what is typed goes in as the smallest change, what others
// type appears without moving the caret, and an input method (Hindi, say) is left alone while it
// composes.

import * as Y from 'yjs';

type Field = HTMLTextAreaElement | HTMLInputElement;

/** The origin of edits made through bound fields; undo follows it. */
export const TYPING = Symbol('typing');

export interface Change {
  at: number;
  remove: number;
  insert: string;
}

/** The smallest single change from one text to another, never inside a surrogate pair. */
export function diff(before: string, after: string): Change {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  if (start > 0 && isHigh(before.charCodeAt(start - 1))) start -= 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end += 1;
  }
  if (end > 0 && isLow(before.charCodeAt(before.length - end))) end -= 1;
  return {
    at: start,
    remove: before.length - start - end,
    insert: after.slice(start, after.length - end),
  };
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

type Delta = Y.YTextEvent['delta'];

/** Where an index stands after somebody else's change. */
export function shift(index: number, delta: Delta): number {
  let at = 0;
  let shifted = index;
  for (const part of delta) {
    if (part.retain !== undefined) {
      at += part.retain;
    } else if (typeof part.insert === 'string') {
      if (at < shifted) shifted += part.insert.length;
      at += part.insert.length;
    } else if (part.delete !== undefined && at < shifted) {
      shifted -= Math.min(part.delete, shifted - at);
    }
  }
  return shifted;
}

/** Binds; returns what undoes the binding. */
export function bindText(field: Field, text: Y.Text, charsMax: number): () => void {
  // While an input method composes: what the field showed before, and what others did since.
  let composing: { base: string; others: Delta[] } | undefined;
  field.value = text.toString();
  field.maxLength = charsMax;

  const apply = (at: number, remove: number, insert: string) => {
    if (remove === 0 && insert === '') return;
    text.doc?.transact(() => {
      if (remove > 0) text.delete(at, remove);
      if (insert) text.insert(at, insert);
    }, TYPING);
  };

  const write = () => {
    if (composing) return;
    const change = diff(text.toString(), field.value);
    apply(change.at, change.remove, change.insert);
  };

  const show = (event: Y.YTextEvent) => {
    if (composing) {
      composing.others.push(event.delta);
      return;
    }
    if (field.value === text.toString()) return;
    const start = shift(field.selectionStart ?? 0, event.delta);
    const end = shift(field.selectionEnd ?? 0, event.delta);
    const direction = field.selectionDirection ?? 'none';
    const focused = field.ownerDocument.activeElement === field;
    field.value = text.toString();
    if (focused) field.setSelectionRange(start, end, direction);
  };

  const compositionStart = () => {
    composing = { base: field.value, others: [] };
  };
  const compositionEnd = () => {
    if (!composing) return;
    const { base, others } = composing;
    composing = undefined;
    const change = diff(base, field.value);
    const at = others.reduce(shift, change.at);
    const end = others.reduce(shift, change.at + change.remove);
    apply(at, Math.max(0, end - at), change.insert);
    if (field.value !== text.toString()) {
      field.value = text.toString();
      field.setSelectionRange(at + change.insert.length, at + change.insert.length);
    }
  };

  field.addEventListener('compositionstart', compositionStart);
  field.addEventListener('compositionend', compositionEnd);
  field.addEventListener('input', write);
  text.observe(show);
  return () => {
    field.removeEventListener('compositionstart', compositionStart);
    field.removeEventListener('compositionend', compositionEnd);
    field.removeEventListener('input', write);
    text.unobserve(show);
  };
}
