// Two tabs of one browser: one copy on the device, two Yjs client ids, two connections.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { addIdea, canonical, device, idea, minutes, Page, Server, until } from './server';

let server: Server;
beforeAll(async () => (server = await Server.start()));
afterAll(() => server.stop());

it('shows in one tab what was written in the other, without a network', async () => {
  const name = device();
  const [one, two] = [new Page(name, server.url(0)), new Page(name, server.url(0))];
  await Promise.all([one.saved(), two.saved()]);
  expect(one.doc.clientID).not.toBe(two.doc.clientID);
  await server.kill();
  await Promise.all([one, two].map((p) => p.until(() => p.status.connection !== 'online', 'cut')));
  const id = addIdea(one.doc, 'from one tab');
  await two.until(() => idea(two.doc, id) === 'from one tab', 'the idea in the other tab');
  // Both tell the truth about it.
  await one.until(() => one.status.saving === 'on-device', 'on this device');
  await two.until(() => two.status.saving === 'on-device', 'on this device');
  const back = addIdea(two.doc, 'from the other');
  await one.until(() => idea(one.doc, back) === 'from the other', 'the idea back');
  // A third tab, opened in the tunnel.
  const three = new Page(name, server.url(0));
  await three.until(
    () => idea(three.doc, id) !== undefined && idea(three.doc, back) !== undefined,
    'both',
  );
  await three.until(() => three.status.saving === 'on-device', 'on this device');
  one.close();
  await server.spawn();
  await Promise.all([two.saved(), three.saved()]);
  const other = new Page(device(), server.url(0));
  await other.until(() => idea(other.doc, id) === 'from one tab', 'the idea of the closed tab');
  expect(idea(other.doc, back)).toBe('from the other');
  for (const page of [two, three, other]) {
    expect(page.replacements).toBe(0);
    expect(page.shown.some(({ refused }) => refused !== undefined)).toBe(false);
    page.close();
  }
}, 30_000);

it('lets the other tab save what a cut-off tab cannot, and leaves no mark behind', async () => {
  const name = device();
  const cut = new Page(name, 'ws://127.0.0.1:9/sync/none', { documentId: server.board(1) });
  const online = new Page(name, server.url(1));
  await online.saved();
  const id = addIdea(cut.doc, 'by way of the other tab');
  const other = new Page(device(), server.url(1));
  await other.until(() => idea(other.doc, id) !== undefined, 'the idea');
  await online.saved();
  // The tab itself was told nothing by the server: it says no more than it knows.
  await cut.until(() => cut.status.saving !== 'unsaved', 'the copy on this device');
  expect(cut.status.saving).toBe('on-device');
  cut.close();
  online.close();
  const later = new Page(name, server.url(1));
  await later.saved();
  expect(idea(later.doc, id)).toBe('by way of the other tab');
  later.close();
  const latest = new Page(name, server.url(1));
  await latest.until(() => latest.status.loaded, 'the copy');
  expect(latest.shown.every(({ saving }) => saving === 'saved')).toBe(true);
  latest.close();
  other.close();
}, 30_000);

it('agrees after both tabs have typed into one text at once', async () => {
  const name = device();
  const [one, two] = [new Page(name, server.url(2)), new Page(name, server.url(2))];
  const other = new Page(device(), server.url(2));
  await Promise.all([one.saved(), two.saved(), other.saved()]);
  let seed = 11;
  const dice = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let i = 0; i < 300; i += 1) {
    const text = minutes(dice(2) ? one.doc : two.doc);
    if (dice(5) === 0 && text.length > 3) text.delete(dice(text.length - 2), 2);
    else text.insert(dice(text.length + 1), String.fromCharCode(97 + dice(26)));
    if (dice(4) === 0) await new Promise((resolve) => setTimeout(resolve, dice(20)));
  }
  await Promise.all([one.saved(), two.saved()]);
  await until(
    () => new Set([one, two, other].map((page) => canonical(page.doc))).size === 1,
    'one board',
  );
  for (const page of [one, two]) {
    expect(page.replacements).toBe(0);
    page.close();
  }
  other.close();
}, 30_000);

it.each([
  ['hears it', false],
  ['has slept', true],
])(
  'writes refused edits anew once, though another tab holds them and %s',
  async (_, deaf) => {
    const name = device();
    const asha = () => server.url(3, server.token('participant', 'bengaluru'));
    const first = new Page(name, asha());
    await first.saved();
    addIdea(first.doc, 'claims the id');
    await first.saved();
    await server.kill();
    await first.until(() => first.status.connection !== 'online', 'the cut');
    const id = addIdea(first.doc, 'unsaved');
    minutes(first.doc).insert(0, `once only, ${deaf}. `);
    await first.until(() => first.status.saving === 'on-device', 'on this device');
    first.close();
    const [one, two] = [new Page(name, server.url(3)), new Page(name, server.url(3))];
    await one.until(() => idea(one.doc, id) !== undefined, 'the copy');
    await two.until(() => idea(two.doc, id) !== undefined, 'the copy');
    // Whichever of them is second then has nothing but the copy to learn it from.
    for (const { provider } of deaf ? [one, two] : []) {
      const { tabs } = provider as unknown as { tabs: { channel: BroadcastChannel } };
      tabs.channel.onmessage = () => undefined;
    }
    await server.spawn();
    await Promise.all(
      [one, two].map((p) => p.until(() => p.replacements === 1, 'another document')),
    );
    await Promise.all([one.saved(), two.saved()]);
    const other = new Page(device(), server.url(3));
    await other.saved();
    expect(minutes(other.doc).toString().split(`once only, ${deaf}. `)).toHaveLength(2);
    expect(idea(other.doc, id)).toBe('unsaved');
    await until(
      () => new Set([one, two, other].map((page) => canonical(page.doc))).size === 1,
      'one board',
    );
    // The two still hear each other.
    const next = addIdea(one.doc, 'next');
    await two.until(() => idea(two.doc, next) === 'next', 'the next idea');
    [one, two, other].forEach((page) => page.close());
  },
  30_000,
);
