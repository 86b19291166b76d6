// The words of the first page alone, without anything that makes them change by themselves.

import type en from '../../locales/en.json';
import { fill, rememberLanguage, type Language } from './languages';

const FILES: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
  fr: () => import('../../locales/fr.json?page=join'),
  en: () => import('../../locales/en.json?page=join'),
  hi: () => import('../../locales/hi.json?page=join'),
};

let texts: Record<string, string> = {};

/** Whoever draws draws again afterwards. */
export async function readIn(language: Language, remember: boolean): Promise<void> {
  texts = (await FILES[language]()).default;
  document.documentElement.lang = language;
  if (remember) rememberLanguage(language);
}

export function t(key: keyof typeof en, parameters: Record<string, string | number> = {}): string {
  return fill(texts[key] ?? key, parameters);
}

/** The sentence of a refusal, or of one that says nothing particular. */
export function refusal(code: string): string {
  return texts[`error.${code}`] ?? t('error.unavailable');
}
