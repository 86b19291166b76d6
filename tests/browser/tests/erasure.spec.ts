// Erased for good: gone from the pages, and from the browsers' own copies, also of a device that was
// away.

import type { Somebody } from '../src/people.ts';
import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const fr = words('fr');
const en = words('en');
const CANARY = 'Kanari du puits';

/** In how many rows of this browser's copies of boards a text stands. */
const kept = (page: Somebody['page'], text: string) =>
  page.evaluate(async (text) => {
    const needle = new TextDecoder('latin1').decode(new TextEncoder().encode(text));
    let hits = 0;
    for (const { name } of await indexedDB.databases()) {
      if (!name?.startsWith('sangam:')) continue;
      const rows = await new Promise<Uint8Array[]>((resolve, reject) => {
        const open = indexedDB.open(name);
        open.onerror = () => reject(open.error ?? new Error('cannot open'));
        open.onsuccess = () => {
          const read = open.result.transaction('updates').objectStore('updates').getAll();
          read.onsuccess = () => {
            open.result.close();
            resolve(read.result as Uint8Array[]);
          };
        };
      });
      hits += rows.filter((row) => new TextDecoder('latin1').decode(row).includes(needle)).length;
    }
    return hits;
  }, text);

test('what is erased leaves every browser, and none brings it back', async ({ arrive }) => {
  const claire = await (await arrive({ name: 'Claire', role: 'facilitator' })).join();
  await claire.board(1);
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru', width: 360 })).join();
  await asha.board(1);
  await claire.page.getByRole('textbox', { name: fr['board.addIdea']! }).fill(CANARY);
  await claire.page.keyboard.press('Enter');
  await claire.saved();
  const seen = asha.page.getByRole('article', { name: CANARY, exact: true });
  await asha.shows('ideas', CANARY);
  await expect(seen).toBeVisible();
  await expect.poll(() => kept(asha.page, CANARY)).toBeGreaterThan(0);

  asha.forgiving = true;
  await asha.context.setOffline(true);
  const id = await claire.page
    .getByRole('article', { name: CANARY, exact: true })
    .evaluate((card) => card.id.replace('note-', ''));
  const status = await claire.page.evaluate(async (id) => {
    const body = JSON.stringify({ items: [{ table: 'ideas', id }] });
    const headers = { 'content-type': 'application/json' };
    const path = '/api/v1/events/demo/boards/1/erasure';
    return (await fetch(path, { method: 'POST', headers, body })).status;
  }, id);
  expect(status).toBe(204);
  await expect(claire.page.getByRole('article', { name: CANARY, exact: true })).toHaveCount(0);
  await expect.poll(() => kept(claire.page, CANARY)).toBe(0);

  // The device that was away still shows it, writes, and comes back.
  await expect(seen).toBeVisible();
  await asha.page.getByRole('textbox', { name: en['board.addIdea']! }).fill('Written on the way');
  await asha.page.keyboard.press('Enter');
  await asha.context.setOffline(false);
  await claire.shows('ideas', 'Written on the way');
  await expect(seen).toHaveCount(0);
  await expect.poll(() => kept(asha.page, CANARY)).toBe(0);
  await expect(claire.page.getByRole('article', { name: CANARY, exact: true })).toHaveCount(0);
});
