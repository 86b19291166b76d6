// Bad networks, many tabs, and the way back: what the sync core promises, seen in a browser.

import type { Somebody } from '../src/people.ts';
import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const fr = words('fr');
const en = words('en');

const add = async (page: Somebody['page'], label: string, text: string) => {
  await page.getByRole('textbox', { name: label }).fill(text);
  await page.keyboard.press('Enter');
};
const article = (page: Somebody['page'], name: string) =>
  page.getByRole('article', { name, exact: true });

test('where WebSockets are blocked, the board works all the same', async ({ arrive }) => {
  const blocked = await arrive({ name: 'Claire' });
  blocked.forgiving = true;
  // As behind the proxy of an administration: the upgrade never succeeds.
  await blocked.page.routeWebSocket('**/sync/**', (socket) => void socket.close({ code: 1006 }));
  await (await blocked.join()).board(1);
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await asha.board(1);
  await add(blocked.page, fr['board.addIdea']!, 'Par le chemin étroit');
  await asha.shows('ideas', 'Par le chemin étroit');
  await add(asha.page, en['board.addIdea']!, 'By the wide road');
  await blocked.shows('ideas', 'By the wide road');
  await blocked.saved();
  await blocked.audit();
});

test('two tabs of one browser share their work, without a network too', async ({
  arrive,
  server,
}) => {
  const claire = await (await arrive({ name: 'Claire' })).join();
  await claire.board(2);
  const other = await claire.context.newPage();
  await other.goto(`${server.origin}/e/demo/board/2`);
  await expect(other.locator('[data-saving]')).toHaveAttribute('data-connection', 'online');
  claire.forgiving = true;
  await server.kill();
  await add(claire.page, fr['board.addIdea']!, 'D’un onglet à l’autre');
  await expect(article(other, 'D’un onglet à l’autre')).toBeVisible();
  await add(other, fr['board.addIdea']!, 'Et retour');
  await expect(article(claire.page, 'Et retour')).toBeVisible();
  await server.revive();
  await claire.saved();
  await expect(other.locator('[data-saving]')).toHaveAttribute('data-saving', 'saved');
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await asha.board(2);
  await expect(article(asha.page, 'D’un onglet à l’autre')).toHaveCount(1);
  await expect(article(asha.page, 'Et retour')).toHaveCount(1);
});

test('a facilitator brings the board back, everybody sees it, and it can be undone', async ({
  arrive,
}) => {
  const asha = await (
    await arrive({ name: 'Asha Rao', site: 'bengaluru', role: 'facilitator' })
  ).join();
  const claire = await (await arrive({ name: 'Claire Martin' })).join();
  await Promise.all([asha.board(3), claire.board(3)]);
  await add(claire.page, fr['board.addIdea']!, 'Écrite après');
  await claire.saved();
  await asha.shows('ideas', 'Écrite après');

  const { page } = asha;
  await page.getByRole('button', { name: en['history.title']!, exact: true }).click();
  const panel = page.getByRole('dialog');
  await expect(panel.getByText('Claire Martin')).toBeVisible();
  await expect(panel.getByText('Added 1 idea')).toBeVisible();
  await asha.audit();
  // The oldest moment: the board as it was prepared.
  await panel
    .getByRole('button', { name: /Prepared with the event/ })
    .last()
    .click();
  await expect(panel.getByRole('heading', { name: /The board at/ })).toBeFocused();
  await expect(panel.getByText('Go to the tray: 1 idea')).toBeVisible();
  await asha.audit();
  await panel.getByRole('button', { name: /^Restore the board as it was/ }).click();
  await asha.audit();
  await panel.getByRole('button', { name: en['history.confirm']!, exact: true }).click();
  await expect(article(claire.page, 'Écrite après')).toBeHidden();
  await panel.getByRole('button', { name: en['history.undo']!, exact: true }).click();
  await expect(article(claire.page, 'Écrite après')).toBeVisible();
  await page.getByRole('button', { name: en['app.close']!, exact: true }).click();
  await expect(page.getByRole('button', { name: en['history.title']!, exact: true })).toBeFocused();
  await asha.audit();

  // Who takes part may look, and is offered nothing else.
  await claire.page.getByRole('button', { name: fr['history.title']!, exact: true }).click();
  const theirs = claire.page.getByRole('dialog');
  await expect(theirs.getByText('Asha Rao').first()).toBeVisible();
  await expect(theirs.getByRole('button', { name: /^(Rétablir|Annuler)/ })).toHaveCount(0);
  await claire.audit();
});
