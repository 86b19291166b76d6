// What people read, in their language: one lazy file per language, keys typed from English.

import type en from '../../locales/en.json';
import { fill, pickFor, rememberLanguage, type Language } from './languages';

export { LANGUAGES, OWN_NAMES, preferredLanguage, type Language } from './languages';

export type Key = keyof typeof en;
type Plural = Key extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never;
type Parameters = Record<string, string | number>;

const FILES: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
  fr: () => import('../../locales/fr.json'),
  en: () => import('../../locales/en.json'),
  hi: () => import('../../locales/hi.json'),
};

let language = $state<Language>('en');
let texts = $state.raw<Record<string, string>>({});

/** The language of the interface. */
export function currentLanguage(): Language {
  return language;
}

export async function useLanguage(next: Language, remember = true): Promise<void> {
  texts = (await FILES[next]()).default;
  language = next;
  document.documentElement.lang = next;
  if (remember) rememberLanguage(next);
}

/** The sentence of a key, with its parameters put in. */
export function t(key: Key, parameters: Parameters = {}): string {
  return fill(texts[key] ?? key, parameters);
}

/** The sentence for a count, by the language's plural rules. */
export function plural(stem: Plural, count: number, parameters: Parameters = {}): string {
  const rule = new Intl.PluralRules(language).select(count);
  const key = `${stem}_${rule}` in texts ? `${stem}_${rule}` : `${stem}_other`;
  return t(key as Key, { count, ...parameters });
}

/** Of a text in several languages, the one to show, and its language. */
export function pick(words: Record<string, string>): { text: string; lang: string } {
  return pickFor(language, words);
}
