// What carries frames to the server and back: a WebSocket or, where those are blocked, the same
// frames by Server-Sent Events down and POST up. docs/PROTOCOL.md, "Fallback".

import * as encoding from 'lib0/encoding';
import { SUBPROTOCOL } from '../shared/schema.gen';

export interface Line {
  send: (frame: Uint8Array) => void;
  /** Ends it; nothing is heard of it afterwards. */
  close: () => void;
}

export interface LineEvents {
  /** Frames may be sent. */
  opened: () => void;
  frame: (frame: Uint8Array) => void;
  /** It is over, with a close code of the protocol, or 1006 where nobody said why. */
  closed: (code: number) => void;
}

export type OpenSocket = (url: string, protocol: string) => WebSocket;

/** What the fallback has learned about the network between here and the server. */
export interface Network {
  /** A proxy hands on no answer before its end: ask again and again instead of listening to one. */
  holdsAnswersBack: boolean;
}

const LOST = 1006;
const BATCH_BYTES = 256 * 1024;
/** The server hears from us at least this often, and says something itself at least every 12 s. */
const HEARTBEAT_MS = 25_000;
const FIRST_BYTE_MS = 4_000;
const SILENCE_MS = 30_000;
const CLOSE_CODES: Record<number, number> = { 401: 4401, 403: 4403, 404: 4404 };

export function openSocket(url: string, events: LineEvents, open: OpenSocket): Line {
  let over = false;
  const end = (code: number) => {
    if (over) return;
    over = true;
    events.closed(code);
  };
  let socket: WebSocket;
  try {
    socket = open(url, SUBPROTOCOL);
  } catch {
    // Blocked by the browser itself, or by an extension.
    queueMicrotask(() => end(LOST));
    return { send: () => undefined, close: () => (over = true) };
  }
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    if (!over) events.opened();
  };
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    if (!over) events.frame(new Uint8Array(data));
  };
  // A browser tells nobody why; `close` follows.
  socket.onerror = () => undefined;
  socket.onclose = ({ code }) => end(code);
  return {
    send: (frame) => {
      if (socket.readyState === 1) socket.send(frame as Uint8Array<ArrayBuffer>);
    },
    close: () => {
      // On a dead network the browser waits long for the peer's answer: do not.
      over = true;
      socket.close();
    },
  };
}

export function openEvents(
  socketUrl: string,
  events: LineEvents,
  network: Network,
  fetch: typeof globalThis.fetch,
): Line {
  const line = new EventLine(socketUrl, events, network, fetch);
  void line.run();
  return line;
}

class EventLine implements Line {
  private readonly stop = new AbortController();
  private readonly outgoing: Uint8Array[] = [];
  private secret = '';
  private posts = 0;
  private posting = false;
  private over = false;
  private heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly socketUrl: string,
    private readonly events: LineEvents,
    private readonly network: Network,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  async run(): Promise<void> {
    try {
      await this.open();
      this.heartbeat = setInterval(() => void this.post(), HEARTBEAT_MS);
      if (!this.network.holdsAnswersBack) await this.listen();
      else await this.askAgainAndAgain();
    } catch {
      // Whatever it was: the provider comes back.
    }
    this.end(LOST);
  }

  send(frame: Uint8Array): void {
    if (this.over) return;
    this.outgoing.push(frame);
    if (!this.posting) void this.post();
  }

  close(): void {
    if (this.over) return;
    // Not aborted with the rest: the server should know before it notices.
    if (this.secret) {
      this.request('DELETE', 'events', { keepalive: true, signal: null }).catch(() => undefined);
    }
    this.finish();
  }

  private async open(): Promise<void> {
    const answer = await this.request('POST', 'events', {});
    if (answer.status !== 201) return this.end(refusal(answer));
    this.secret = ((await answer.json()) as { line: string }).line;
    if (!this.over) this.events.opened();
  }

  /** One endless answer. */
  private async listen(): Promise<void> {
    let silent = setTimeout(() => this.heldBack(), FIRST_BYTE_MS);
    try {
      const answer = await this.request('GET', 'events', {});
      if (answer.status !== 200 || !answer.body) return this.end(refusal(answer));
      const reader = answer.body.getReader();
      const lines = new EventReader((name, data) => this.hear(name, data));
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.over) return;
        clearTimeout(silent);
        silent = setTimeout(() => this.heldBack(), SILENCE_MS);
        lines.read(value);
      }
    } finally {
      clearTimeout(silent);
    }
  }

  /** Nothing has come, though the server had something to say: somebody gathers its words. */
  private heldBack(): void {
    this.network.holdsAnswersBack = true;
    this.stop.abort();
  }

  /** Each answer ends with the next few frames. One that is lost is given again. */
  private async askAgainAndAgain(): Promise<void> {
    for (let after = 0; !this.over; after += 1) {
      const answer = await this.request('GET', `events?after=${after}`, {});
      if (answer.status !== 200) return this.end(refusal(answer));
      const lines = new EventReader((name, data) => this.hear(name, data));
      lines.read(new Uint8Array(await answer.arrayBuffer()));
    }
  }

  private hear(name: string, data: string): void {
    if (this.over) return;
    if (name === 'close') this.end(Number(data) || LOST);
    else this.events.frame(Uint8Array.from(atob(data), (char) => char.charCodeAt(0)));
  }

  /** One request at a time, in order: the server counts them, and the messages in them. */
  private async post(): Promise<void> {
    if (this.posting || this.over || !this.secret) return;
    this.posting = true;
    try {
      do {
        const encoder = encoding.createEncoder();
        do {
          const frame = this.outgoing[0];
          if (!frame) break;
          const length = encoding.length(encoder) + frame.length;
          if (length > BATCH_BYTES && encoding.length(encoder) > 0) break;
          encoding.writeVarUint8Array(encoder, frame);
          this.outgoing.shift();
        } while (encoding.length(encoder) < BATCH_BYTES);
        const body = encoding.toUint8Array(encoder) as Uint8Array<ArrayBuffer>;
        const headers = { 'sangam-number': String(this.posts) };
        this.posts += 1;
        const answer = await this.request('POST', 'frames', { body, headers });
        // Whether it was taken is not known, or it was not: a new line, and the sync again.
        if (answer.status !== 204) return this.end(refusal(answer));
      } while (this.outgoing.length > 0 && !this.over);
    } catch {
      this.end(LOST);
    } finally {
      this.posting = false;
    }
  }

  private request(method: string, path: string, init: RequestInit): Promise<Response> {
    const url = new URL(this.socketUrl);
    url.protocol = url.protocol.replace('ws', 'http');
    const [name, query] = path.split('?');
    url.pathname += `/${name}`;
    new URLSearchParams(query).forEach((value, key) => url.searchParams.set(key, value));
    const headers = { ...(init.headers as Record<string, string>), 'sangam-line': this.secret };
    const fetch = this.fetch;
    return fetch(url, { signal: this.stop.signal, cache: 'no-store', ...init, method, headers });
  }

  private end(code: number): void {
    if (this.over) return;
    this.finish();
    this.events.closed(code);
  }

  private finish(): void {
    this.over = true;
    clearInterval(this.heartbeat);
    this.stop.abort();
  }
}

/** Final only where our server says so: a proxy's own 403 is bad weather, not a verdict. */
function refusal(answer: Response): number {
  const ours = answer.headers.get('content-type')?.startsWith('application/problem+json');
  return (ours && CLOSE_CODES[answer.status]) || LOST;
}

/** Reads a text/event-stream as it comes in. */
export class EventReader {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private name = '';
  private data = '';

  constructor(private readonly event: (name: string, data: string) => void) {}

  read(bytes: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data) this.event(this.name, this.data);
      this.name = this.data = '';
      return;
    }
    const [, field, value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'event') this.name = value;
    if (field === 'data') this.data += value;
  }
}
