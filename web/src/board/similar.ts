// Which notes may say the same: a proposal for people, never an act.

/** Half of the words of the shorter note stand in the other one. */
const SHARED_MIN = 0.5;
/** Letters that tell words apart; endings differ with number, gender and tense. */
const STEM_CHARS = 5;

const segmenters = new Map<string, Intl.Segmenter>();

/** The words of a text that carry sense, without accents and endings. */
export function stems(text: string, lang = 'en'): Set<string> {
  let segmenter = segmenters.get(lang);
  if (!segmenter) {
    segmenter = new Intl.Segmenter(lang, { granularity: 'word' });
    segmenters.set(lang, segmenter);
  }
  const found = new Set<string>();
  for (const { segment, isWordLike } of segmenter.segment(text.toLowerCase().normalize('NFD'))) {
    if (!isWordLike) continue;
    // Accents of Latin letters alone: the vowel signs of Devanagari are marks too.
    const letters = [...segment.replace(/[\u0300-\u036f]/g, '')];
    if (letters.length >= 4) found.add(letters.slice(0, STEM_CHARS).join(''));
  }
  return found;
}

/** The most similar ones, best first; none where nothing is alike. */
export function similar(
  text: string,
  others: { id: string; text: string }[],
  count: number,
): string[] {
  const mine = stems(text);
  if (mine.size < 2) return [];
  return others
    .map(({ id, text }) => {
      const theirs = stems(text);
      const shared = [...theirs].filter((stem) => mine.has(stem)).length;
      return { id, shared, score: shared / Math.min(mine.size, theirs.size) };
    })
    .filter(({ shared, score }) => shared >= 2 && score >= SHARED_MIN)
    .sort((a, b) => b.score - a.score || b.shared - a.shared)
    .slice(0, count)
    .map(({ id }) => id);
}
