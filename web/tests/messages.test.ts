import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import en from '../locales/en.json';
import fr from '../locales/fr.json';
import hi from '../locales/hi.json';

const sources = readdirSync(join(import.meta.dirname, '../src'), {
  recursive: true,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

/** Keys that are put together at run time, by their beginning. */
const COMPOSED = [
  'join.role.',
  'check.',
  'field.',
  'lang.',
  'refused.',
  'relation.',
  'stakeholder.',
  'resource.',
  'state.',
  'evidence.',
  'report.',
  'comfort.',
  'role.',
  'privacy.',
  // Named by the server, in an address.
  'error.sign_in',
];

it('has every key in every language', () => {
  const keys = Object.keys(en).sort();
  expect(Object.keys(fr).sort()).toEqual(keys);
  expect(Object.keys(hi).sort()).toEqual(keys);
});

it('has no key that nobody uses', () => {
  const unused = Object.keys(en).filter((key) => {
    const stem = key.replace(/_(one|other)$/, '');
    return !sources.includes(`'${stem}'`) && !COMPOSED.some((start) => key.startsWith(start));
  });
  // Rooms are named by their key.
  const rooms = ['practices', 'ideas', 'plans', 'map', 'minutes'].map((room) => `board.${room}`);
  expect(unused.filter((key) => !rooms.includes(key))).toEqual([]);
});

it('names the same parameters in every language', () => {
  const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
  for (const [key, text] of Object.entries(en)) {
    const others = [fr, hi] as Record<string, string>[];
    for (const other of others) expect(parameters(other[key]!), key).toEqual(parameters(text));
  }
});

it('is set as French is set', () => {
  for (const [key, text] of Object.entries(fr)) {
    expect(text, key).not.toMatch(/[^\u202f\u00a0] ?[;?!](?!\S)/);
    expect(text, key).not.toMatch(/ :|'|"/);
    expect(text, key).not.toMatch(/«[^\u00a0]|[^\u00a0]»/);
  }
});
