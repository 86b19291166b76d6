// The languages of the interface, and which one somebody wants. Knows neither words nor Svelte, so
// that the first page stays small.

export const LANGUAGES = ['fr', 'en', 'hi'] as const;
export type Language = (typeof LANGUAGES)[number];

/** How each language calls itself. */
export const OWN_NAMES: Record<Language, string> = { fr: 'Français', en: 'English', hi: 'हिन्दी' };

const STORED = 'sangam:language';

/** The person's choice on this device, else the browser's wish, else English. */
export function preferredLanguage(): Language {
  const wishes = [stored(), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wishes.find(isLanguage) ?? 'en';
}

/** Puts the parameters of a sentence in. */
export function fill(text: string, parameters: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(parameters[name] ?? ''));
}

/** Of a text in several languages, the one to show to who reads `language`, and its language. */
export function pickFor(language: Language, words: Record<string, string>) {
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

export function rememberLanguage(next: Language): void {
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Private mode: then the choice lasts for this page.
  }
}
