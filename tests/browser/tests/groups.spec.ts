// Groups form: 120 people over two sites, by the same API as phones use; then a facilitator's hands.

import { words } from '../src/people.ts';
import type { Server } from '../src/server.ts';
import { expect, test } from '../src/test.ts';

const en = words('en');
const fr = words('fr');
const SPOKEN = { paris: [['fr'], ['fr', 'en']], bengaluru: [['en'], ['en', 'hi']] } as const;

async function ask<T>(server: Server, method: string, path: string, body: object, token?: string) {
  const answer = await fetch(`${server.origin}/api/v1${path}`, {
    method,
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
  });
  expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
  const cookie = /sangam_session=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '');
  return { json: (await answer.json()) as T, secret: cookie?.[1] ?? '' };
}

async function newcomer(server: Server, n: number) {
  const site = n % 5 < 3 ? 'paris' : 'bengaluru';
  const spoken = SPOKEN[site][n % 2]!;
  const token = new URL(server.link('participant', site)).hash.slice(1);
  const { secret } = await ask(server, 'POST', '/sessions', {
    token,
    name: `${site === 'paris' ? 'Élodie' : 'Asha'} ${String.fromCharCode(65 + (n % 26))} ${n}`,
    language: spoken[0],
    languages: spoken,
  });
  const choices = [...new Set([(n % 3) + 1, ((n * 7) % 5) + 1, ((n * 3) % 5) + 1])];
  const tags = n % 4 ? ['santé', 'open data'].slice(0, n % 3) : [];
  const body = { choices, tags, couldLead: n % 6 === 0 };
  await ask(server, 'PUT', '/events/demo/groups/mine', body, secret);
}

test('groups of 120 people are proposed, moved, pinned and published', async ({
  arrive,
  server,
}) => {
  test.setTimeout(180_000);
  for (let n = 0; n < 120; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, k) => newcomer(server, n + k)));
  }
  // Somebody on a phone says what they would like.
  const phone = await arrive({ name: 'Léa Petit', width: 360, height: 740, language: 'fr' });
  await phone.join();
  await phone.page.getByLabel(fr['groups.first']!, { exact: true }).selectOption({ index: 3 });
  await phone.page.getByLabel(fr['groups.second']!, { exact: true }).selectOption({ index: 1 });
  await phone.page.getByLabel(fr['groups.couldLead']!).check();
  await phone.page.getByRole('button', { name: fr['groups.save']! }).click();
  await expect(phone.page.getByText(fr['groups.noted']!)).toBeVisible();
  await phone.audit();
  await phone.page.screenshot({ path: 'results/groups-wishes-fr-phone.png', fullPage: true });

  const host = await (await arrive({ role: 'facilitator', language: 'en', name: 'Ravi' })).join();
  const { page } = host;
  await page.getByRole('link', { name: en['groups.open']! }).click();
  await page.getByText(en['groups.sizes']!, { exact: true }).click();
  for (const most of await page.getByLabel(en['groups.most']!).all()) await most.fill('32');
  await page.getByRole('button', { name: en['groups.saveSizes']! }).click();
  await page.getByRole('button', { name: en['groups.propose']!, exact: true }).click();
  await expect(page.getByText(en['groups.allMet']!)).toBeVisible();
  await expect(page.locator('[data-group]')).toHaveCount(5);
  const whys = page.locator('[data-person] .hint');
  expect(await whys.count()).toBeGreaterThan(120);
  await expect(whys.filter({ hasText: 'adds Bengaluru to this group' }).first()).toBeVisible();
  await page.getByText(en['groups.sizes']!, { exact: true }).click();
  await host.audit();

  // By keyboard: from wherever Léa is to the neighbouring group, pinned there.
  const lea = page.locator('[data-person]', { hasText: 'Léa Petit' });
  const groupOf = async () =>
    Number(await page.locator('[data-group]', { has: lea }).getAttribute('data-group'));
  const before = await groupOf();
  await lea.locator('summary').focus();
  await page.keyboard.press(before < 5 ? 'ArrowRight' : 'ArrowLeft');
  const after = before < 5 ? before + 1 : before - 1;
  await expect(page.locator(`[data-group="${after}"]`, { has: lea })).toBeVisible();
  await expect(lea.locator('summary')).toBeFocused();
  await expect(lea.getByText(en['groups.pinned']!, { exact: true })).toBeVisible();
  await page.getByRole('button', { name: en['groups.proposeAgain']! }).click();
  await expect(page.getByRole('button', { name: en['groups.proposeAgain']! })).toBeEnabled();
  expect(await groupOf()).toBe(after);

  // Another facilitator's screen follows.
  const second = await (await arrive({ role: 'facilitator', site: 'bengaluru' })).join();
  await second.page.goto(`${server.origin}/e/demo/groups`);
  const there = second.page.locator('[data-person]', { hasText: 'Léa Petit' });
  await expect(second.page.locator(`[data-group="${after}"]`, { has: there })).toBeVisible();

  // Published: every phone knows within a second.
  await page.getByRole('button', { name: en['groups.publish']!, exact: true }).click();
  const start = Date.now();
  const card = phone.page.locator(`[data-my-group="${after}"]`);
  await expect(card).toBeVisible();
  const took = Date.now() - start;
  console.log(`a phone saw its group ${took} ms after the press`);
  expect(took).toBeLessThan(1_000);
  await expect(card).toContainText(fr['groups.because.pinned']!);
  await phone.audit();
  await phone.page.screenshot({ path: 'results/groups-mine-fr-phone.png', fullPage: true });

  // Somebody comes late, and gets a group at once.
  const late = await (await arrive({ name: 'Late Comer', width: 320, language: 'hi' })).join();
  const hi = words('hi');
  await late.page.getByLabel(hi['groups.first']!, { exact: true }).selectOption({ index: 2 });
  await late.page.screenshot({ path: 'results/groups-late-hi-phone.png', fullPage: true });
  await late.page.getByRole('button', { name: hi['groups.getGroup']! }).click();
  await expect(late.page.locator('[data-my-group]')).toBeVisible();
  await late.audit();

  // Taken back within ten seconds, or published again.
  await page.getByLabel(en['app.language']!).selectOption('hi');
  await page.screenshot({ path: 'results/groups-hi-laptop.png' });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.screenshot({ path: 'results/groups-hi-phone.png' });
  await host.audit();
});

test('a publication is taken back within ten seconds', async ({ arrive, server }) => {
  const host = await (await arrive({ role: 'organiser', language: 'en', name: 'Ravi' })).join();
  const phone = await (await arrive({ name: 'Noé Roux', width: 360, language: 'en' })).join();
  const { page } = host;
  await page.goto(`${server.origin}/e/demo/groups`);
  await page.getByRole('button', { name: /Propose/ }).click();
  await page.getByRole('button', { name: /^Publish/ }).click();
  await expect(phone.page.locator('[data-my-group]')).toBeVisible();
  await page.getByRole('button', { name: /^Undo/ }).click();
  await expect(page.getByRole('button', { name: /^Undo/ })).toBeHidden();
  await expect(phone.page.locator('[data-my-group]')).toBeHidden();
});
