// What is held on a person: asked for, taken away, removed, erased. Loaded by its own page alone.

import type { Session } from './api';
import { call } from './call';

export interface Held {
  person: Record<string, unknown>;
  devices: unknown[];
  acceptances: unknown[];
  written: { board: number; text: { original: string }; trace: { createdAtMs: number | null } }[];
  audit: unknown[];
}

const path = ({ event, person }: Session) =>
  `/api/v1/events/${encodeURIComponent(event.slug)}/people/${person?.id ?? ''}`;

export const held = (session: Session) => call<Held>('GET', `${path(session)}/data`);
export const removeName = (session: Session) => call<undefined>('DELETE', `${path(session)}/name`);

/** Erases the person, and what this browser keeps of them; the boards' copies are the caller's. */
export async function eraseMe(session: Session): Promise<void> {
  await call<undefined>('DELETE', path(session));
  // The session is gone with the person; what this device keeps of it is left.
  localStorage.clear();
  if ('caches' in globalThis) await caches.delete('answers');
}

/** Hands a file to whoever asked for it. */
export function save(data: Held, name: string): void {
  const blob = new Blob([JSON.stringify(data, undefined, 2)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
