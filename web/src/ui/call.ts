// One request to the server. A refusal is thrown as a Problem that names a sentence.

export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly field: string | undefined,
    readonly status: number,
    /** Seconds after which to ask again, where the server says so. */
    readonly retrySeconds = 0,
  ) {
    super(code);
  }
}

/** Whether this browser ever came in: who never did is not asked about. */
const JOINED = 'sangam:joined';
export const hasJoined = () => localStorage.getItem(JOINED) !== null;
export const nowJoined = (slug: string) => localStorage.setItem(JOINED, slug);
export const nowLeft = () => localStorage.removeItem(JOINED);

export async function call<T>(method: string, path: string, body?: object): Promise<T> {
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
  if (response.ok) return (await response.json().catch(() => ({}))) as T;
  throw await refusal(response);
}

export async function refusal(response: Response): Promise<Problem> {
  const json = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const code = typeof json['code'] === 'string' ? json['code'] : 'unavailable';
  const field = typeof json['field'] === 'string' ? json['field'] : undefined;
  // Before a locked door there is one page: the one that waits.
  if (code === 'waiting' && location.pathname !== '/join') location.replace('/join');
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return new Problem(code, field, response.status, seconds);
}
