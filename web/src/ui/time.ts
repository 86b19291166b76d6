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

function format(language: string, options: Intl.DateTimeFormatOptions, at: Date): string {
  return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, options).format(at);
}
