// Who comes in, who writes on this device, which links open what: as the server says it.

import type { Role } from '../shared/schema.gen';
import type { Session } from './api';
import { call } from './call';

/** A QR code: one path in a square of `size` modules. */
export interface Drawing {
  size: number;
  path: string;
}
export interface Code {
  code: string;
  url: string;
  qr: Drawing | null;
  endsAtMs: number;
}
export interface DoorPerson {
  id: string;
  name: string;
  organisation: string | null;
  site: string;
  role: Role;
  standing: 'here' | 'waiting' | 'removed';
  /** What they wrote lies in the tray. */
  hidden: boolean;
  joinedAtMs: number;
  removable: boolean;
}
export interface Door {
  locked: boolean;
  seats: number;
  taken: number;
  people: DoorPerson[];
}
export interface Link {
  id: string;
  role: Role;
  site: string | null;
  label: string | null;
  person: string | null;
  singleUse: boolean;
  used: boolean;
  devices: number;
  madeAtMs: number;
  expiresAtMs: number | null;
  url?: string;
  qr?: Drawing | null;
}
export interface NewLink {
  role: Role;
  site: string | null;
  label: string | null;
  expires_at_ms: number | null;
}

/** What the service worker keeps of who this device was must not come back on a slow network. */
async function asSomebodyElse(asked: Promise<Session>): Promise<Session> {
  const session = await asked;
  if ('caches' in globalThis) await caches.delete('answers');
  return session;
}

const of = (slug: string) => `/api/v1/events/${encodeURIComponent(slug)}`;

export const people = {
  door: (slug: string) => call<Door>('GET', `${of(slug)}/door`),
  lock: (slug: string, locked: boolean) => call<undefined>('PUT', `${of(slug)}/door`, { locked }),
  admit: (slug: string, person: string) =>
    call<undefined>('POST', `${of(slug)}/people/${person}/admission`),
  remove: (slug: string, person: string) =>
    call<undefined>('POST', `${of(slug)}/people/${person}/removal`),
  hide: (slug: string, person: string, hidden: boolean) =>
    call<{ notes: number }>('PUT', `${of(slug)}/people/${person}/writing`, { hidden }),
  pair: (slug: string, code: string, site: string) =>
    call<{ link: string; site: string }>('POST', `${of(slug)}/screens`, { code, site }),
  links: (slug: string) => call<{ links: Link[] }>('GET', `${of(slug)}/links`),
  newLink: (slug: string, link: NewLink) => call<Link>('POST', `${of(slug)}/links`, link),
  revoke: (slug: string, link: string) => call<undefined>('DELETE', `${of(slug)}/links/${link}`),
  reissue: (slug: string, link: string) => call<Link>('POST', `${of(slug)}/links/${link}/reissue`),

  code: () => call<Code>('POST', '/api/v1/session/code'),
  switch: (person: string) =>
    asSomebodyElse(call<Session>('PUT', '/api/v1/session/person', { person })),
  share: (body: { name: string; language: string; languages: string[] }) =>
    asSomebodyElse(call<Session>('POST', '/api/v1/session/people', body)),

  screen: () => call<{ code: string; secret: string; endsAtMs: number }>('POST', '/api/v1/screens'),
  claim: (secret: string) =>
    call<Session | { waiting: true }>('POST', '/api/v1/screens/claim', { secret }),
};
