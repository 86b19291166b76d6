// The sentence for whatever went wrong.

import { t, type Key } from '../messages/messages.svelte';
import { Problem } from './api';

const KNOWN: Record<string, Key> = {
  no_session: 'error.no_session',
  link_unknown: 'error.link_unknown',
  link_expired: 'error.link_expired',
  link_revoked: 'error.link_revoked',
  link_used: 'error.link_used',
  unknown_code: 'error.unknown_code',
  waiting: 'error.waiting',
  too_many: 'error.too_many',
  forbidden: 'error.forbidden',
  foreign_origin: 'error.foreign_origin',
  not_found: 'error.not_found',
  invalid_field: 'error.invalid_field',
  too_large: 'error.too_large',
  full: 'error.full',
  no_such_moment: 'error.no_such_moment',
  read_only: 'refused.read_only',
  busy: 'error.busy',
  network: 'error.network',
};

export function sentence(error: unknown): string {
  const code = error instanceof Problem ? error.code : '';
  return t(KNOWN[code] ?? 'error.unavailable');
}
