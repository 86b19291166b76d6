// Times at a site, in a language: never in the browser's own zone by accident.

export function clock(at: Date, timeZone: string, language: string): string {
  return format(language, { hour: '2-digit', minute: '2-digit', timeZone, hourCycle: 'h23' }, at);
}

export function day(at: Date, timeZone: string, language: string): string {
  return format(
    language,
    { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone },
    at,
  );
}

/** The calendar day at a site, `YYYY-MM-DD`. */
export function isoDay(at: Date, timeZone: string): string {
  return format('sv-SE', { year: 'numeric', month: '2-digit', day: '2-digit', timeZone }, at);
}

/** The moment at which a site's clocks show `YYYY-MM-DDTHH:MM`, in milliseconds since 1970. */
export function momentAt(local: string, timeZone: string): number {
  const wanted = Date.parse(`${local}Z`);
  // Twice: the first guess may lie on the other side of a change of the clocks.
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1)
    at += wanted - Date.parse(`${localMinute(at, timeZone)}Z`);
  return at;
}

/** What a site's clocks show, as `YYYY-MM-DDTHH:MM`. */
export function localMinute(atMs: number, timeZone: string): string {
  const at = new Date(atMs);
  return `${isoDay(at, timeZone)}T${clock(at, timeZone, 'en')}`;
}

function format(language: string, options: Intl.DateTimeFormatOptions, at: Date): string {
  return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, options).format(at);
}
