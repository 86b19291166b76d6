// The server's JSON, typed. A refusal is thrown as a Problem that names a sentence.

import type { Role } from '../shared/schema.gen';

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
export interface LinkView {
  event: { slug: string; title: Words; languages: string[]; date: string };
  role: Role;
  site: string | null;
  sites: Site[];
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
}

export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly field: string | undefined,
    readonly status: number,
  ) {
    super(code);
  }
}

/** Whether this browser ever came in: who never did is not asked about. */
const JOINED = 'sangam:joined';
export const hasJoined = () => localStorage.getItem(JOINED) !== null;

export const api = {
  inspect: (token: string) => call<LinkView>('POST', '/api/v1/links/inspect', { token }),
  join: async (body: object) => {
    const session = await call<Session>('POST', '/api/v1/sessions', body);
    localStorage.setItem(JOINED, session.event.slug);
    return session;
  },
  session: () => call<Session>('GET', '/api/v1/session'),
  leave: async () => {
    await call<undefined>('DELETE', '/api/v1/session');
    localStorage.removeItem(JOINED);
  },
  event: (slug: string) => call<EventView>('GET', `/api/v1/events/${encodeURIComponent(slug)}`),
  accept: (slug: string, plan: string, board: string) =>
    call<undefined>('PUT', acceptance(slug, plan), { board }),
  withdraw: (slug: string, plan: string, board: string) =>
    call<undefined>('DELETE', acceptance(slug, plan), { board }),
  people: (slug: string) =>
    call<{ people: Person[] }>('GET', `/api/v1/events/${encodeURIComponent(slug)}/people`),
};

const acceptance = (slug: string, plan: string) =>
  `/api/v1/events/${encodeURIComponent(slug)}/plans/${encodeURIComponent(plan)}/acceptance`;

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
  } catch {
    throw new Problem('network', undefined, 0);
  }
  if (response.status === 204) return undefined as T;
  const json = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return json as T;
  const code = typeof json['code'] === 'string' ? json['code'] : 'unavailable';
  const field = typeof json['field'] === 'string' ? json['field'] : undefined;
  throw new Problem(code, field, response.status);
}
