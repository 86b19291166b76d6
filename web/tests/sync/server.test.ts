// The provider against the real binary.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { addIdea, device, idea, noSocket, Page, Server, until } from './server';

let server: Server;
beforeAll(async () => (server = await Server.start()));
afterAll(() => server.stop());

it('saves, and shows it to others', async () => {
  const [one, two] = [new Page(device(), server.url(0)), new Page(device(), server.url(0))];
  await Promise.all([one.saved(), two.saved()]);
  const id = addIdea(one.doc, 'saved');
  await two.until(() => idea(two.doc, id) === 'saved', 'the idea');
  await one.saved();
  one.close();
  two.close();
});

it('works where WebSockets are blocked', async () => {
  const one = new Page(device(), server.url(0), { open: noSocket });
  const two = new Page(device(), server.url(0));
  await Promise.all([one.saved(), two.saved()]);
  expect(one.status.transport).toBe('events');
  const id = addIdea(one.doc, 'by post');
  await two.until(() => idea(two.doc, id) === 'by post', 'the idea that went up by POST');
  await one.saved();
  const back = addIdea(two.doc, 'by event');
  await one.until(() => idea(one.doc, back) === 'by event', 'the idea that came down as an event');
  one.close();
  two.close();
});

it('opens again with what a visit without network left', async () => {
  const name = device();
  const first = new Page(name, server.url(1));
  await first.saved();
  await server.kill();
  await first.until(() => first.status.connection === 'offline', 'offline');
  const id = addIdea(first.doc, 'written in the train');
  expect(first.status.saving).toBe('unsaved');
  await first.until(() => first.status.saving === 'on-device', 'on this device');
  first.close();
  const second = new Page(name, server.url(1));
  await second.until(() => idea(second.doc, id) !== undefined, 'the copy');
  expect(second.status.saving).toBe('on-device');
  await server.spawn();
  await second.saved();
  const other = new Page(device(), server.url(1));
  await other.until(() => idea(other.doc, id) === 'written in the train', 'the idea');
  second.close();
  other.close();
  await until(() => true, 'the end');
});
