import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { bindText, diff, shift } from '../src/board/text';

/** As much of a <textarea> as the binding uses. */
class Field extends EventTarget {
  value = '';
  maxLength = -1;
  selectionStart = 0;
  selectionEnd = 0;
  selectionDirection = 'none' as const;
  ownerDocument = { activeElement: this as unknown };

  setSelectionRange(start: number, end: number) {
    [this.selectionStart, this.selectionEnd] = [start, end];
  }

  type(text: string, at: number, remove = 0) {
    this.value = this.value.slice(0, at) + text + this.value.slice(at + remove);
    this.setSelectionRange(at + text.length, at + text.length);
    this.dispatchEvent(new Event('input'));
  }
}

function bound(initial = '') {
  const doc = new Y.Doc();
  const text = doc.getText('t');
  text.insert(0, initial);
  const field = new Field();
  const release = bindText(field as unknown as HTMLTextAreaElement, text, 1_000);
  return { doc, text, field, release };
}

/** A small seeded generator (mulberry32), so that a failing run can be run again. */
function seeded(seed: number) {
  return (below: number) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe('the smallest change', () => {
  it('is found at both ends', () => {
    expect(diff('hello', 'hallo')).toEqual({ at: 1, remove: 1, insert: 'a' });
    expect(diff('aaa', 'aa')).toEqual({ at: 2, remove: 1, insert: '' });
    expect(diff('same', 'same')).toEqual({ at: 4, remove: 0, insert: '' });
  });

  it('never splits a surrogate pair', () => {
    // 👍 and 👎 share their first half; 🙂 and 𝄂 may share their last.
    const change = diff('a👍b', 'a👎b');
    expect(change).toEqual({ at: 1, remove: 2, insert: '👎' });
    expect(diff('\ud83d\ude00', '\ud83c\ude00')).toEqual({
      at: 0,
      remove: 2,
      insert: '\ud83c\ude00',
    });
  });
});

describe('a bound field', () => {
  it('writes what is typed', () => {
    const { text, field } = bound('hllo');
    field.type('e', 1);
    expect(text.toString()).toBe('hello');
  });

  it('keeps the caret where it was when somebody writes before it', () => {
    const { text, field } = bound('world');
    field.setSelectionRange(5, 5);
    text.insert(0, 'hello ');
    expect(field.value).toBe('hello world');
    expect(field.selectionStart).toBe(11);
  });

  it('leaves an input method alone, and keeps what others wrote meanwhile', () => {
    const { text, field } = bound('ab');
    field.dispatchEvent(new Event('compositionstart'));
    field.type('न', 1);
    expect(text.toString()).toBe('ab');
    text.insert(0, 'xx');
    expect(field.value).toBe('aनb');
    field.type('म', 2);
    field.dispatchEvent(new Event('compositionend'));
    expect(text.toString()).toBe('xxaनमb');
    expect(field.value).toBe('xxaनमb');
  });

  it('lets go when it is released', () => {
    const { text, field, release } = bound('a');
    release();
    field.type('b', 1);
    text.insert(0, 'c');
    expect([text.toString(), field.value]).toEqual(['ca', 'ab']);
  });

  it('converges with another field, whatever both do', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seeded(seed);
      const sides = [bound(), bound()];
      sides.forEach(({ doc }, i) =>
        doc.on('update', (update: Uint8Array, origin: unknown) => {
          const other = sides[1 - i]!.doc;
          if (origin !== other) queue.push(() => Y.applyUpdate(other, update, doc));
        }),
      );
      const queue: (() => void)[] = [];
      for (let step = 0; step < 60; step += 1) {
        const { field } = sides[random(2)]!;
        const words = ['a', 'é', '👍', 'नमस्ते', ''];
        const at = boundary(field.value, random(field.value.length + 1));
        const end = boundary(field.value, Math.min(field.value.length, at + random(3)));
        field.type(words[random(words.length)]!, at, end - at);
        while (queue.length > 0 && random(2) === 0) queue.shift()!();
      }
      while (queue.length > 0) queue.shift()!();
      expect(sides[0]!.field.value, `seed ${seed}`).toBe(sides[1]!.field.value);
      expect(sides[0]!.text.toString(), `seed ${seed}`).toBe(sides[0]!.field.value);
      expect(sides[0]!.field.value.isWellFormed?.() ?? true, `seed ${seed}`).toBe(true);
    }
  });
});

/** A person's caret stands between characters, never inside one. */
function boundary(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

describe('a place in a text', () => {
  it('moves with what others do before it', () => {
    expect(shift(5, [{ insert: 'abc' }])).toBe(8);
    expect(shift(5, [{ retain: 5 }, { insert: 'abc' }])).toBe(5);
    expect(shift(5, [{ retain: 2 }, { delete: 10 }])).toBe(2);
  });
});
