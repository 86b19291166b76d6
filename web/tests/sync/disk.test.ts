// A server whose disk is full: nothing is called saved, the page says why, and it recovers.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { addIdea, device, idea, minutes, Page, run, Server } from './server';

let server: Server;
beforeAll(
  async () =>
    (server = await Server.start(undefined, ['sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh'])),
);
afterAll(() => server.stop());

/** No file may grow beyond this: to the server the same as a full disk, without being root. */
const limitFiles = (bytes: string) =>
  run('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:unlimited`]);

it('says within two seconds that the server cannot write, and recovers by itself', async () => {
  const page = new Page(device(), server.url(0));
  const reader = new Page(device(), server.url(0));
  await Promise.all([page.saved(), reader.saved()]);
  const before = addIdea(page.doc, 'before');
  await page.saved();
  await limitFiles('1024');
  const id = addIdea(page.doc, 'while the disk is full');
  const since = Date.now();
  await page.until(() => page.status.refused === 'unavailable', 'the word');
  expect(Date.now() - since).toBeLessThan(2_000);
  // Reading goes on, for those who come now as well; and they are told when they write.
  const late = new Page(device(), server.url(0));
  await late.until(() => idea(late.doc, before) === 'before', 'what is stored');
  minutes(late.doc).insert(0, 'late ');
  await late.until(() => late.status.refused === 'unavailable', 'the word');
  expect(idea(late.doc, id)).toBeUndefined();
  expect(page.status.saving).toBe('on-device');
  await limitFiles('unlimited');
  const freed = Date.now();
  await Promise.all([page.saved(), late.saved()]);
  expect(Date.now() - freed).toBeLessThan(5_000);
  expect([page.status.refused, late.status.refused]).toEqual([undefined, undefined]);
  await reader.until(() => idea(reader.doc, id) === 'while the disk is full', 'the idea');
  await reader.until(() => minutes(reader.doc).toString().includes('late '), 'the minutes');
  [page, reader, late].forEach((one) => one.close());
}, 40_000);
