// What people read, in their language: one lazy file per language, keys typed from English.

import type en from '../../locales/en.json';

export type Key = keyof typeof en;
type Plural = Key extends infer K ? (K extends `${infer Stem}_other` ? Stem : never) : never;
type Parameters = Record<string, string | number>;

export const LANGUAGES = ['fr', 'en', 'hi'] as const;
export type Language = (typeof LANGUAGES)[number];

/** How each language calls itself. */
export const OWN_NAMES: Record<Language, string> = { fr: 'Français', en: 'English', hi: 'हिन्दी' };

const FILES: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
  fr: () => import('../../locales/fr.json'),
  en: () => import('../../locales/en.json'),
  hi: () => import('../../locales/hi.json'),
};
const STORED = 'sangam:language';

let language = $state<Language>('en');
let texts = $state.raw<Record<string, string>>({});

/** The language of the interface. */
export function currentLanguage(): Language {
  return language;
}

/** The person's choice on this device, else the browser's wish, else English. */
export function preferredLanguage(): Language {
  const wishes = [stored(), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wishes.find(isLanguage) ?? 'en';
}

export async function useLanguage(next: Language, remember = true): Promise<void> {
  texts = (await FILES[next]()).default;
  language = next;
  document.documentElement.lang = next;
  if (remember) store(next);
}

/** The sentence of a key, with its parameters put in. */
export function t(key: Key, parameters: Parameters = {}): string {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(parameters[name] ?? ''));
}

/** The sentence for a count, by the language's plural rules. */
export function plural(stem: Plural, count: number, parameters: Parameters = {}): string {
  const rule = new Intl.PluralRules(language).select(count);
  const key = `${stem}_${rule}` in texts ? `${stem}_${rule}` : `${stem}_other`;
  return t(key as Key, { count, ...parameters });
}

/** Of a text in several languages, the one to show, and its language. */
export function pick(words: Record<string, string>): { text: string; lang: string } {
  const lang = [language, 'en', ...Object.keys(words)].find((tag) => words[tag]) ?? language;
  return { text: words[lang] ?? '', lang };
}

function isLanguage(tag: string | null | undefined): tag is Language {
  return LANGUAGES.includes(tag as Language);
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function store(next: Language): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Private mode: then the choice lasts for this page.
  }
}
