/// <reference types="vite/client" />
/// <reference types="svelte" />

/** Of a language, the words of one page alone: see vite.config.ts. */
declare module '*.json?page=join' {
  const words: Record<string, string>;
  export default words;
}
