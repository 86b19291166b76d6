// Groups by affinity: the server's JSON, and its codes as sentences.

import { currentLanguage, pick, plural, t, type Key } from '../messages/messages.svelte';
import type { EventView } from './api';
import { call } from './call';

export interface Why {
  choice: 'first' | 'second' | 'third' | 'other' | 'open';
  because:
    | { code: 'pinned' | 'leads' }
    | { code: 'with'; person: string }
    | { code: 'between'; languages: string[] }
    | { code: 'full'; workshops: string[] }
    | { code: 'site'; site: string }
    | { code: 'tag'; tag: string; count: number }
    | null;
}
export interface Placed {
  person: string;
  workshop: string | null;
  pinned: boolean;
  choices: string[];
  tags: string[];
  couldLead: boolean;
  with: string | null;
  languages: string[];
  why: Why | null;
}
export interface GroupView {
  id: string;
  number: number;
  /** What a facilitator has set: at least, at most. */
  set: [number | null, number | null];
  min: number;
  max: number;
}
export type Relaxed =
  | { code: 'too_many'; people: number; seats: number }
  | { code: 'too_few'; people: number; needed: number }
  | { code: 'over'; workshop: string; people: number; max: number }
  | { code: 'short'; workshop: string; people: number; min: number }
  | { code: 'few_leads'; people: number; groups: number }
  | { code: 'no_lead'; workshop: string }
  | { code: 'unheard'; workshop: string; a: string; b: string; pairs: number }
  | { code: 'parted'; a: string; b: string };
export interface Groups {
  revision: number;
  publishedAtMs: number | null;
  unpublishedChanges: boolean;
  undoMs: number;
  workshops: GroupView[];
  people: Placed[];
  relaxed: Relaxed[];
  proposed: { method: 'solved' | 'early' | 'greedy'; at_ms: number } | null;
  totals: Record<'people' | 'wishes' | 'first' | 'second' | 'third' | 'other' | 'open', number>;
  waiting: number;
}
export interface Wishes {
  /** Numbers of workshops, best first. */
  choices: number[];
  tags: string[];
  couldLead: boolean;
  with: string | null;
}
export interface OwnGroup {
  open: boolean;
  published: boolean;
  wishes: { choices: string[]; tags: string[]; couldLead: boolean; with: string | null } | null;
  askedBy: string[];
  mutual: boolean;
  tags: string[];
  group: { workshop: string; why: Why; members: string[] } | null;
}

const at = (slug: string, path = '') => `/api/v1/events/${encodeURIComponent(slug)}/groups${path}`;

export const groupsApi = {
  mine: (slug: string) => call<OwnGroup>('GET', at(slug, '/mine')),
  wish: (slug: string, wishes: Wishes) => call<OwnGroup>('PUT', at(slug, '/mine'), wishes),
  all: (slug: string) => call<Groups>('GET', at(slug)),
  propose: (slug: string, revision: number) =>
    call<Groups>('POST', at(slug, '/propose'), { revision }),
  place: (
    slug: string,
    person: string,
    to: { revision: number; workshop: number; pinned: boolean },
  ) => call<Groups>('PUT', at(slug, `/people/${person}`), to),
  sizes: (
    slug: string,
    revision: number,
    sizes: { workshop: number; min: number | null; max: number | null }[],
  ) => call<Groups>('PUT', at(slug, '/sizes'), { revision, sizes }),
  publish: (slug: string, revision: number) =>
    call<Groups>('POST', at(slug, '/publication'), { revision }),
  unpublish: (slug: string, revision: number) =>
    call<Groups>('DELETE', at(slug, '/publication'), { revision }),
  forget: (slug: string, revision: number) =>
    call<Groups>('DELETE', at(slug, '/invited'), { revision }),
  import: async (slug: string, revision: number, file: Blob) =>
    call<Record<'updated' | 'invited' | 'kept' | 'placed', number>>(
      'POST',
      at(slug, `/import?revision=${revision}`),
      file,
    ),
  exportUrl: (slug: string) => at(slug, '/export'),
};

/** Who is called what. */
export type NameOf = (person: string) => string;

const list = (words: string[]) => new Intl.ListFormat(currentLanguage()).format(words);
const number = (event: EventView, id: string) =>
  event.workshops.find((workshop) => workshop.id === id)?.number ?? 0;

/** Why somebody is in a group, in one sentence: "Second choice; adds Bengaluru to this group". */
export function why(event: EventView, { choice, because }: Why, name: NameOf): string {
  const first = t(`groups.choice.${choice}` as Key);
  const second = because && reason(event, because, name);
  return second ? t('groups.why', { choice: first, because: second }) : first;
}

function reason(event: EventView, because: NonNullable<Why['because']>, name: NameOf): string {
  switch (because.code) {
    case 'with':
      return t('groups.because.with', { name: name(because.person) });
    case 'between': {
      const names = new Intl.DisplayNames(currentLanguage(), { type: 'language' });
      const languages = list(because.languages.map((tag) => names.of(tag) ?? tag));
      return t('groups.because.between', { languages });
    }
    case 'full':
      return t('groups.because.full', {
        groups: list(because.workshops.map((id) => String(number(event, id)))),
      });
    case 'site': {
      const site = pick(event.sites.find((site) => site.key === because.site)?.name ?? {}).text;
      return t('groups.because.site', { site });
    }
    case 'tag':
      return plural('groups.because.tag', because.count, { tag: because.tag });
    default:
      return t(`groups.because.${because.code}`);
  }
}

/** A rule that could not be kept, in one sentence. */
export function relaxed(event: EventView, rule: Relaxed, name: NameOf): string {
  const parameters: Record<string, string | number> = { ...rule };
  if ('workshop' in rule) parameters['group'] = number(event, rule.workshop);
  if ('a' in rule) Object.assign(parameters, { a: name(rule.a), b: name(rule.b) });
  return t(`groups.relaxed.${rule.code}` as Key, parameters);
}
