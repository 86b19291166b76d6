// The server's JSON, typed. A refusal is thrown as a Problem that names a sentence.

import type { Role } from '../shared/schema.gen';
import { call, hasJoined, nowLeft, Problem, refusal } from './call';

export type Words = Record<string, string>;
export interface Site {
  key: string;
  name: Words;
  timeZone: string;
  country: string;
  language: string;
}
export interface ProgrammeItem {
  id: number;
  startsAt: string;
  endsAt: string;
  title: Words;
  kind: 'plenary' | 'break' | 'groups' | 'workshops' | 'readout';
  sites: string[];
  moderator: string | null;
  speakers: string[];
  url: string | null;
}
export interface Workshop {
  id: string;
  number: number;
  title: Words;
  question: Words;
  board: string;
  facilitators: { name: string; site: string }[];
}
export interface Common {
  key: string;
  name: string;
  url: string;
  steward: string;
  country: string;
  licence: string | null;
}
export interface EventView {
  id: string;
  slug: string;
  title: Words;
  date: string;
  languages: string[];
  stage: string;
  sites: Site[];
  programme: ProgrammeItem[];
  workshops: Workshop[];
  commons: Common[];
}
export interface Person {
  id: string;
  name: string;
  organisation: string | null;
  site: string;
  role: Role;
}
export interface Session {
  event: { id: string; slug: string };
  role: Role;
  site: string | null;
  person: (Omit<Person, 'role'> & { language: string; languages: string[] }) | null;
  /** Everybody who writes on this device, whoever writes now first. */
  people: { id: string; name: string }[];
}

/** How many items of one kind a change touched, and how. */
export type Counts = Record<'added' | 'edited' | 'moved' | 'deleted' | 'restored', number>;
export interface Touched {
  practices: Counts;
  ideas: Counts;
  clusters: Counts;
  plans: Counts;
  minutes: boolean;
  question: boolean;
}
/** What one person did within a few minutes. */
export interface HistoryEntry {
  /** The board as it was after it. */
  sequence: number;
  /** The board as it was before it. */
  before: number;
  fromMs: number;
  toMs: number;
  author:
    | { kind: 'server' }
    | { kind: 'machine' }
    | { kind: 'person'; id: string; name: string | null; site: string | null };
  touched: Touched;
  restored?: { key: string; to: number; toMs: number; undoes?: string; scope: string | null };
}
export interface HistoryPage {
  entries: HistoryEntry[];
  next: number | null;
  head: number;
  since: number;
  damaged: boolean;
}
/** A practice, an idea, a cluster or a plan of the past; a plan has more keys than these. */
export interface PastItem {
  text?: string;
  name?: string;
  title?: string;
  ref?: string;
  lang?: string;
  authorId?: string;
  siteId?: string;
  clusterId?: string;
  order?: string;
  deletedAt?: number;
  dueDate?: string;
  firstStep?: { text?: string; due?: string };
  expectedResult?: string;
}
export type PastTable = Record<string, PastItem>;
export interface PastBoard {
  sequence: number;
  atMs: number;
  board: {
    question: string;
    practices: PastTable;
    ideas: PastTable;
    clusters: PastTable;
    plans: PastTable;
    minutes: string;
  };
  /** What restoring all of it would do now. */
  touched: Touched;
  items: Record<string, 'returns' | 'leaves' | 'changes'>;
}
/** `key` names the act: sent again, it is done once. */
export type RestoreWish =
  { key: string; sequence: number; scope: string | null } | { key: string; undo: string };

export { hasJoined, Problem };

export const api = {
  session: () => call<Session>('GET', '/api/v1/session'),
  leave: async () => {
    await call<undefined>('DELETE', '/api/v1/session');
    nowLeft();
    // What the service worker keeps for the time without a connection: the event, and names.
    if ('caches' in globalThis) await caches.delete('answers');
  },
  event: (slug: string) => call<EventView>('GET', `/api/v1/events/${encodeURIComponent(slug)}`),
  accept: (slug: string, plan: string, board: string) =>
    call<undefined>('PUT', acceptance(slug, plan), { board }),
  withdraw: (slug: string, plan: string, board: string) =>
    call<undefined>('DELETE', acceptance(slug, plan), { board }),
  people: (slug: string) =>
    call<{ people: Person[] }>('GET', `/api/v1/events/${encodeURIComponent(slug)}/people`),
  history: (slug: string, board: number, before: number | null) =>
    call<HistoryPage>('GET', `${history(slug, board)}${before ? `?before=${before}` : ''}`),
  past: (slug: string, board: number, moment: { sequence: number } | { at_ms: number }) =>
    call<PastBoard>(
      'GET',
      `${history(slug, board)}/board?${new URLSearchParams(
        Object.entries(moment).map(([key, value]) => [key, String(value)]),
      )}`,
    ),
  restore: (slug: string, board: number, wish: RestoreWish) =>
    call<{ entry: HistoryEntry | null }>('POST', `${history(slug, board)}/restore`, wish),
  report: (slug: string, choice: Record<string, string>, signal: AbortSignal) =>
    download(
      `/api/v1/events/${encodeURIComponent(slug)}/export?${new URLSearchParams(choice).toString()}`,
      signal,
    ),
};

const history = (slug: string, board: number) =>
  `/api/v1/events/${encodeURIComponent(slug)}/boards/${board}/history`;
const acceptance = (slug: string, plan: string) =>
  `/api/v1/events/${encodeURIComponent(slug)}/plans/${encodeURIComponent(plan)}/acceptance`;

/** A file, with the name that the server gives it. */
async function download(path: string, signal: AbortSignal): Promise<{ name: string; file: Blob }> {
  let response: Response;
  try {
    response = await fetch(path, { signal });
    if (!response.ok) throw await refusal(response);
    const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '');
    return { name: named?.[1] ?? 'report', file: await response.blob() };
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    throw new Problem('network', undefined, 0);
  }
}
