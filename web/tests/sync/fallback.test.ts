// Where WebSockets are blocked, against the real binary, through proxies that misbehave.

import { createServer, request, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventReader } from '../../src/sync/lines';
import {
  addIdea,
  device,
  idea,
  minutes,
  noSocket,
  openSocket,
  Page,
  Server,
  until,
} from './server';

let server: Server;
beforeAll(async () => (server = await Server.start()));
afterAll(() => server.stop());

/** A proxy that speaks no WebSocket; `holds` makes it hand on no answer before its end. */
async function proxy(
  holds: boolean,
): Promise<{ address: string; close: () => void; asked: string[] }> {
  const asked: string[] = [];
  const http: HttpServer = createServer((incoming, outgoing) => {
    asked.push(
      `${incoming.method} ${incoming.url?.replace(/^.*\//, '').replace(/token=[^&]*&?/, '')}`,
    );
    const [host, port] = server.address.split(':');
    const { method, url, headers } = incoming;
    const upstream = request({
      host,
      port,
      method,
      path: url,
      headers: { ...headers, host: server.address },
    });
    upstream.on('response', (answer) => {
      if (!holds) {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const kept = { ...answer.headers };
        delete kept['transfer-encoding'];
        outgoing.writeHead(answer.statusCode!, kept);
        outgoing.end(Buffer.concat(chunks));
      });
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  // What most blocking proxies do with an upgrade.
  http.on('upgrade', (_, socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const close = () => {
    http.closeAllConnections();
    http.close();
  };
  return { address: `127.0.0.1:${port}`, close, asked };
}

const by = (address: string, index: number) => server.url(index).replace(server.address, address);

it('goes by events after two sockets have failed, and edits reach both sides', async () => {
  const between = await proxy(false);
  const blocked = new Page(device(), by(between.address, 0));
  const free = new Page(device(), server.url(0));
  await Promise.all([blocked.saved(), free.saved()]);
  expect(blocked.status.transport).toBe('events');
  const up = addIdea(blocked.doc, 'up');
  await free.until(() => idea(free.doc, up) === 'up', 'the idea that goes up');
  await blocked.saved();
  for (let i = 0; i < 200; i += 1) minutes(free.doc).insert(0, 'x');
  await free.saved();
  await blocked.until(
    () => minutes(blocked.doc).toString().startsWith('x'.repeat(200)),
    'the words',
  );
  // Presence travels, too.
  free.provider.awareness.setLocalStateField('cursor', { item: up });
  const seen = () => [...blocked.provider.awareness.getStates().values()].some((s) => s['cursor']);
  await blocked.until(seen, 'the cursor of the other');
  // Cut in the middle, it comes back by the same way and nothing is missing.
  between.close();
  const during = addIdea(blocked.doc, 'during the cut');
  await blocked.until(() => blocked.status.saving === 'on-device', 'on this device');
  const again = await proxy(false);
  (blocked.provider as unknown as { options: { url: string } }).options.url = by(again.address, 0);
  await blocked.saved();
  await free.until(
    () => idea(free.doc, during) === 'during the cut',
    'what was written in the cut',
  );
  blocked.close();
  free.close();
  again.close();
}, 40_000);

it('works behind a proxy that holds every answer back until its end', async () => {
  const between = await proxy(true);
  const blocked = new Page(device(), by(between.address, 1));
  const free = new Page(device(), server.url(1));
  await Promise.all([blocked.saved(), free.saved()]);
  const up = addIdea(blocked.doc, 'up');
  await free.until(() => idea(free.doc, up) === 'up', 'the idea that goes up');
  await blocked.saved();
  for (let i = 0; i < 20; i += 1) {
    const down = addIdea(free.doc, `down ${i}`);
    await blocked.until(() => idea(blocked.doc, down) === `down ${i}`, 'the idea that comes down');
  }
  expect(between.asked.some((what) => /GET events\?.*after=5/.test(what))).toBe(true);
  blocked.close();
  free.close();
  between.close();
}, 40_000);

it('sends offline work that is larger than one message by requests', async () => {
  const page = new Page(device(), server.url(2), { open: noSocket });
  const ids = Array.from({ length: 900 }, (_, i) => addIdea(page.doc, `${i} ${'é'.repeat(900)}`));
  await page.saved();
  const other = new Page(device(), server.url(2));
  await other.saved();
  expect(ids.every((id) => idea(other.doc, id) !== undefined)).toBe(true);
  page.close();
  other.close();
}, 40_000);

it('is told for good that a link is unknown, and not by a proxy that forbids', async () => {
  const page = new Page(device(), server.url(0, 'AAAAAAAAAAAAAAAAAAAAAA'), { open: noSocket });
  await page.until(() => page.status.connection === 'ended', 'the end');
  expect(page.status.endedBy).toBe(4401);
  page.close();
  const forbids = createServer((_, answer) => answer.writeHead(403).end('No.'));
  await new Promise<void>((resolve) => forbids.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(forbids.address() as AddressInfo).port}`;
  const other = new Page(device(), by(address, 0), { open: noSocket });
  await until(() => other.shown.filter((s) => s.connection === 'offline').length > 4, 'many tries');
  expect(other.shown.some((s) => s.connection === 'ended')).toBe(false);
  other.close();
  forbids.close();
}, 40_000);

it('comes back when the server has stopped and started', async () => {
  const page = new Page(device(), server.url(0), { open: noSocket });
  await page.saved();
  await server.kill('SIGTERM');
  await page.until(() => page.status.connection !== 'online', 'the end of the line');
  const id = addIdea(page.doc, 'meanwhile');
  await server.spawn();
  await page.saved();
  const other = new Page(device(), server.url(0));
  await other.until(() => idea(other.doc, id) === 'meanwhile', 'the idea');
  page.close();
  other.close();
}, 40_000);

it('goes back to WebSockets where they work again', async () => {
  let blocked = true;
  const page = new Page(device(), server.url(0), {
    open: (url, protocol) => (blocked ? noSocket() : openSocket(url, protocol)),
    backToSocketsMs: 300,
  });
  await page.saved();
  expect(page.status.transport).toBe('events');
  blocked = false;
  const ids: string[] = [];
  await page.until(() => {
    ids.push(addIdea(page.doc, 'on the way'));
    return page.status.transport === 'websocket';
  }, 'a WebSocket');
  await page.saved();
  const other = new Page(device(), server.url(0));
  await other.saved();
  expect(ids.every((id) => idea(other.doc, id) !== undefined)).toBe(true);
  page.close();
  other.close();
}, 40_000);

it('reads events however they are cut', () => {
  const text = ':   \n\ndata: AQI=\n\nevent: close\r\ndata: 4503\r\n\r\ndata: Aw==\n\n';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    const heard: string[] = [];
    const reader = new EventReader((name, data) => heard.push(`${name}:${data}`));
    for (let at = 0; at < bytes.length; at += size) reader.read(bytes.slice(at, at + size));
    expect(heard).toEqual([':AQI=', 'close:4503', ':Aw==']);
  }
});
