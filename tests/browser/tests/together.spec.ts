// The main job: two cities, one plan, and a server that dies in the middle.

import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const fr = words('fr');
const en = words('en');

test('two cities write one plan at once, and see each other’s letters', async ({ arrive }) => {
  const claire = await (await arrive({ name: 'Claire Delmas', site: 'paris' })).join();
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await Promise.all([claire.board(1), asha.board(1)]);
  await claire.page.getByRole('button', { name: 'Ouvrir le plan 1.1' }).click();
  await asha.page.getByRole('button', { name: 'Open plan 1.1' }).click();
  const theirs = claire.page.getByLabel(fr['plan.problem']!, { exact: true });
  const hers = asha.page.getByLabel(en['plan.problem']!, { exact: true });
  const before = await theirs.inputValue();
  await theirs.focus();
  await claire.page.keyboard.press('Control+Home');
  await hers.focus();
  await asha.page.keyboard.press('Control+End');
  // Letter by letter, in the same field, at the same time.
  await Promise.all([
    claire.page.keyboard.type('Début écrit à Paris. ', { delay: 15 }),
    asha.page.keyboard.type(' और बेंगलुरु से।', { delay: 15 }),
  ]);
  const whole = `Début écrit à Paris. ${before} और बेंगलुरु से।`;
  await expect(theirs).toHaveValue(whole);
  await expect(hers).toHaveValue(whole);
  await Promise.all([claire.saved(), asha.saved()]);
  await claire.audit();
  await asha.audit();
});

test('everybody sees who is here, and from which site', async ({ arrive }) => {
  const claire = await (await arrive({ name: 'Claire Martin', site: 'paris' })).join();
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await Promise.all([claire.board(2), asha.board(2)]);
  const here = claire.page.locator('details', { hasText: fr['board.here']! });
  await here.locator('summary').click();
  await expect(here.getByText('Asha Rao')).toBeVisible();
  await expect(here.getByText('Claire Martin (vous)')).toBeVisible();
  await claire.audit();
  await asha.leave();
  await expect(here.getByText('Asha Rao')).toBeHidden();
});

test('the server is killed; both carry on; nothing is lost', async ({ arrive, server }) => {
  const claire = await (await arrive({ name: 'Claire', site: 'paris' })).join();
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await Promise.all([claire.board(3), asha.board(3)]);
  const add = async (who: typeof claire, label: string, text: string) => {
    await who.page.getByRole('textbox', { name: label }).fill(text);
    await who.page.keyboard.press('Enter');
  };
  const idea = (who: typeof claire, text: string) => who.page.getByRole('article', { name: text });
  await add(claire, fr['board.addIdea']!, 'Écrite avant la panne');
  await claire.saved();
  await asha.shows('ideas', 'Écrite avant la panne');

  claire.forgiving = asha.forgiving = true;
  await server.kill();
  await expect(claire.page.getByText(fr['connection.offline']!)).toBeVisible();
  await add(claire, fr['board.addIdea']!, 'Écrite pendant la panne');
  await add(asha, en['board.addIdea']!, 'Written while it was down');
  const sign = claire.page.locator('[data-saving]');
  await expect(sign).toHaveAttribute('data-saving', 'on-device');
  await claire.audit();

  await server.revive();
  await Promise.all([claire.saved(), asha.saved()]);
  for (const text of ['Écrite pendant la panne', 'Written while it was down']) {
    await claire.shows('ideas', text);
    await asha.shows('ideas', text);
  }
  // And a third person, who was not there, reads all of it.
  const late = await (await arrive({ name: 'Late', site: 'paris' })).join();
  await late.board(3);
  for (const text of ['Écrite avant la panne', 'Écrite pendant la panne']) {
    await expect(idea(late, text)).toBeVisible();
  }
  await late.audit();
});

test('what was written without a connection outlives the page', async ({ arrive, server }) => {
  const claire = await (await arrive({ name: 'Claire' })).join();
  await claire.board(4);
  claire.forgiving = true;
  await server.kill();
  await claire.page.getByRole('textbox', { name: fr['board.addIdea']! }).fill('Gardée ici');
  await claire.page.keyboard.press('Enter');
  await expect(claire.page.locator('[data-saving]')).toHaveAttribute('data-saving', 'on-device');
  await server.revive();
  // The page is thrown away before it could send anything.
  await claire.page.reload();
  await claire.saved();
  await expect(claire.page.getByRole('article', { name: 'Gardée ici' })).toBeVisible();
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await asha.board(4);
  await expect(asha.page.getByRole('article', { name: 'Gardée ici' })).toBeVisible();
});

test('a board opens without a connection, takes words, and sends them later', async ({
  arrive,
  server,
}) => {
  const claire = await (await arrive({ name: 'Claire' })).join();
  await claire.board(5);
  const { page } = claire;
  // The pages are on this device once the worker says so.
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await page.reload();
  await claire.saved();
  claire.forgiving = true;
  await server.kill();
  await page.reload();
  await expect(page.getByRole('article').first()).toBeVisible();
  await expect(page.getByText(fr['connection.offline']!)).toBeVisible();
  await page.getByRole('textbox', { name: fr['board.addIdea']! }).fill('Écrite dans le train');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-saving]')).toHaveAttribute('data-saving', 'on-device');
  await page.reload();
  await expect(page.getByRole('article', { name: 'Écrite dans le train' })).toBeVisible();
  await claire.audit();
  await server.revive();
  await claire.saved();
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await asha.board(5);
  await expect(asha.page.getByRole('article', { name: 'Écrite dans le train' })).toBeVisible();
});

test('who leaves with unsaved words is warned first', async ({ arrive, server }) => {
  const claire = await (await arrive({ name: 'Claire' })).join();
  await claire.board(2);
  const { page } = claire;
  claire.forgiving = true;
  // Frames no longer arrive, but the pages do.
  await page.context().route('**/sync/**', (route) => route.abort());
  await page.routeWebSocket('**/sync/**', (socket) => void socket.close({ code: 1001 }));
  await page.reload();
  await page.getByRole('textbox', { name: fr['board.addIdea']! }).fill('Pas encore partie');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-saving]')).toHaveAttribute('data-saving', 'on-device');
  await page.goto(`${server.origin}/e/demo`);
  await page.getByRole('button', { name: fr['event.leave']! }).click();
  await expect(page.getByRole('alert')).toContainText(fr['event.leaveUnsaved']!);
  await claire.audit();
  await page.getByRole('button', { name: fr['event.leaveAnyway']! }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(fr['home.title']!);
});

test('who leaves a device leaves nothing on it', async ({ arrive, server }) => {
  const claire = await (await arrive({ name: 'Claire' })).join();
  await claire.board(1);
  await claire.page.goto(`${server.origin}/e/demo`);
  await claire.page.getByRole('button', { name: fr['event.leave']! }).click();
  await expect(claire.page.getByRole('heading', { level: 1 })).toHaveText(fr['home.title']!);
  const left = await claire.page.evaluate(async () => ({
    databases: (await indexedDB.databases()).map(({ name }) => name),
    answers: await caches.has('answers'),
    joined: localStorage.getItem('sangam:joined'),
  }));
  expect(left).toEqual({ databases: [], answers: false, joined: null });
  await claire.audit();
});
