// Coming in, going on from another device, sharing one, and being sent out.

import type { Page } from '@playwright/test';
import { words, type Language, type Somebody } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const PHONE = { width: 360, height: 740 };

/** As somebody does it who sees the page for the first time: looks, taps, types with two thumbs. */
const LOOK_MS = 900;
const KEY_MS = 140;

async function open(one: Somebody, path: string, heading: string) {
  await one.page.goto(`${one.server.origin}${path}`);
  await expect(one.page.getByRole('heading', { level: 1 })).toHaveText(heading);
}

/** Writes an idea, as people do. */
async function write(page: Page, t: Record<string, string>, text: string) {
  await page.getByRole('textbox', { name: t['board.addIdea']! }).fill(text);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('article', { name: text })).toBeVisible();
}

for (const language of ['fr', 'en', 'hi'] as Language[]) {
  test(`joining on a phone takes less than 15 s in ${language}`, async ({ arrive, server }) => {
    const t = words(language);
    // Whoever arrives has a phone in another language, and changes it first.
    const one = await arrive({ ...PHONE, language: language === 'en' ? 'fr' : 'en' });
    const { page } = one;
    const started = Date.now();
    await page.goto(server.link('participant', 'bengaluru'));
    const own = { fr: 'Français', en: 'English', hi: 'हिन्दी' }[language];
    await page.waitForTimeout(LOOK_MS);
    await page.getByRole('button', { name: own, exact: true }).tap();
    await expect(page.locator('html')).toHaveAttribute('lang', language);
    await page.waitForTimeout(LOOK_MS);
    const name = { fr: 'Zoé Martin', en: 'Asha Nair', hi: 'अनन्या राव' }[language];
    await page.getByLabel(t['join.name']!, { exact: true }).tap();
    await page.keyboard.type(name, { delay: KEY_MS });
    await page.waitForTimeout(LOOK_MS);
    await page.getByLabel(t['join.organisation']!, { exact: true }).tap();
    await page.keyboard.type('PHC Yelahanka', { delay: KEY_MS });
    // The QR code of the room has chosen the site.
    await expect(page.getByLabel(t['join.site']!, { exact: true })).toHaveValue('bengaluru');
    await page.waitForTimeout(LOOK_MS);
    await page.getByRole('button', { name: t['join.submit']!, exact: true }).tap();
    await page.waitForURL('**/e/demo');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    const seconds = (Date.now() - started) / 1_000;
    console.log(`${language}: in after ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(15);
    await one.audit();
  });

  test(`the pages of people, links, devices and screens pass the audit in ${language}`, async ({
    arrive,
  }) => {
    const t = words(language);
    for (const dark of [false, true]) {
      const organiser = await (await arrive({ role: 'organiser', language, dark })).join();
      await open(organiser, '/e/demo/people', t['people.title']!);
      await organiser.page.getByRole('button', { name: t['links.show']! }).first().click();
      await expect(organiser.page.getByRole('img').first()).toBeVisible();
      await organiser.audit();
      const phone = await (await arrive({ ...PHONE, width: 320, language, dark })).join();
      await open(phone, '/e/demo/device', t['device.title']!);
      await phone.page.getByRole('button', { name: t['device.makeCode']! }).click();
      await expect(phone.page.getByRole('img', { name: t['device.qr']! })).toBeVisible();
      await phone.audit();
      const screen = await arrive({ language, dark });
      await open(screen, '/screen', t['screen.title']!);
      await expect(screen.page.getByRole('status')).toHaveText(/^[0-9A-Z]{4} [0-9A-Z]{4}$/);
      await screen.audit();
      for (const one of [organiser, phone, screen]) await one.leave();
    }
  });
}

test('a name that poses as a role is refused, and told why', async ({ arrive, server }) => {
  const t = words('en');
  const one = await arrive({ language: 'en' });
  one.forgiving = true;
  await one.page.goto(server.link('participant', 'paris'));
  await one.page.getByLabel(t['join.name']!, { exact: true }).fill('Organisatrice');
  await one.page.getByRole('button', { name: t['join.submit']!, exact: true }).click();
  await expect(one.page.getByRole('alert')).toHaveText(t['join.badName']!);
  await expect(one.page.getByLabel(t['join.name']!, { exact: true })).toBeFocused();
  await one.audit();
});

test('a code takes somebody from the phone to the laptop', async ({ arrive, server }) => {
  const t = words('en');
  const phone = await (await arrive({ ...PHONE, language: 'en', name: 'Meera Rao' })).join();
  await phone.page.getByRole('link', { name: t['device.title']!, exact: true }).tap();
  await expect(phone.page.getByRole('heading', { level: 1 })).toHaveText(t['device.title']!);
  await phone.page.getByRole('button', { name: t['device.makeCode']! }).tap();
  const code = await phone.page.getByRole('status').first().textContent();
  const laptop = await arrive({ language: 'en' });
  await laptop.page.goto(`${server.origin}/join`);
  await laptop.page.getByLabel(t['join.code']!).fill(code!.toLowerCase());
  await laptop.page.getByRole('button', { name: t['join.resume']! }).click();
  await laptop.page.waitForURL('**/e/demo');
  await expect(laptop.page.getByText(/Meera Rao/).first()).toBeVisible();
  await laptop.audit();
  // Who has used it leaves nothing to whoever looked over the shoulder.
  const thief = await arrive({ language: 'en' });
  thief.forgiving = true;
  await thief.page.goto(`${server.origin}/join#${code!.replace(' ', '')}`);
  await thief.page.getByRole('button', { name: t['join.resume']! }).click();
  await expect(thief.page.getByRole('alert')).toHaveText(t['error.unknown_code']!);
  // The same person: one row among the people.
  const facilitator = await (await arrive({ role: 'facilitator', language: 'en' })).join();
  await open(facilitator, '/e/demo/people', t['people.title']!);
  await facilitator.page.getByLabel(t['people.search']!).fill('Meera Rao');
  await expect(facilitator.page.locator('li', { hasText: 'Meera Rao' })).toHaveCount(
    await facilitator.page.evaluate(async () => {
      const answer = await fetch('/api/v1/events/demo/door');
      const { people } = (await answer.json()) as { people: { name: string }[] };
      return people.filter((one) => one.name === 'Meera Rao').length;
    }),
  );
});

test('several people write on one device, each under their own name', async ({ arrive }) => {
  const t = words('en');
  const table = await (await arrive({ language: 'en', name: 'Table 4 Asha' })).join();
  await table.board(2);
  await write(table.page, t, 'From Asha at table four');
  await table.saved();
  await open(table, '/e/demo/device', t['device.title']!);
  await table.page.getByLabel(t['device.another']!).fill('Table 4 Léa');
  await table.page.getByRole('button', { name: t['device.add']! }).click();
  await expect(table.page.getByRole('status')).toHaveText(
    t['device.nowWrites']!.replace('{name}', 'Table 4 Léa'),
  );
  await table.audit();
  await table.board(2);
  await write(table.page, t, 'From Léa at the same table');
  await table.saved();
  // From now on they hand the device over on the board itself.
  await table.audit();
  const writes = table.page.getByLabel(t['device.who']!);
  await expect(writes.locator('option:checked')).toHaveText('Table 4 Léa');
  await writes.selectOption('Table 4 Asha');
  await expect(writes.locator('option:checked')).toHaveText('Table 4 Asha');
  await expect(writes).toBeEnabled();
  await write(table.page, t, 'Asha again, on the same page');
  await table.saved();
  // The board says who wrote what, and so does its history.
  await table.board(2);
  const by = (text: string) => table.page.getByRole('article', { name: text });
  await expect(by('From Asha at table four')).toContainText('Table 4 Asha');
  await expect(by('From Léa at the same table')).toContainText('Table 4 Léa');
  await expect(by('Asha again, on the same page')).toContainText('Table 4 Asha');
  const authors = await table.page.evaluate(async () => {
    const answer = await fetch('/api/v1/events/demo/boards/2/history');
    const { entries } = (await answer.json()) as { entries: { author: { name?: string } }[] };
    return entries.map((entry) => entry.author.name);
  });
  expect(authors).toContain('Table 4 Asha');
  expect(authors).toContain('Table 4 Léa');
});

test('whoever is sent out is out within a second, and their notes come back in one tap', async ({
  arrive,
}) => {
  const t = words('en');
  const guest = await (await arrive({ language: 'en', name: 'Unruly Guest' })).join();
  await guest.board(3);
  await write(guest.page, t, 'A note that nobody wants to read');
  await guest.saved();
  guest.forgiving = true;
  const facilitator = await (await arrive({ role: 'facilitator', language: 'en' })).join();
  await open(facilitator, '/e/demo/people', t['people.title']!);
  const { page } = facilitator;
  await page.getByLabel(t['people.search']!).fill('Unruly');
  const named = (key: string) => `${t[key]!} (Unruly Guest)`;
  await page.getByRole('button', { name: named('people.hide') }).click();
  await expect(page.getByText(/1 note of Unruly Guest/)).toBeVisible();
  await expect(
    guest.page.getByRole('article', { name: 'A note that nobody wants to read' }),
  ).toHaveCount(0);
  await page.getByRole('button', { name: named('people.show') }).click();
  await expect(page.getByText(/1 note of Unruly Guest is back/)).toBeVisible();
  await page.getByRole('button', { name: named('people.remove') }).click();
  await facilitator.audit();
  const sentOut = guest.page
    .getByText(t['connection.ended']!)
    .waitFor({ timeout: 5_000 })
    .then(() => Date.now());
  const pressed = Date.now();
  await page.getByRole('button', { name: t['people.removeYes']! }).click();
  const seconds = ((await sentOut) - pressed) / 1_000;
  console.log(`sent out after ${seconds.toFixed(2)} s`);
  expect(seconds).toBeLessThan(1);
  await guest.page.reload();
  await expect(guest.page.getByText(t['error.no_session']!)).toBeVisible();
});

test('before a locked door people wait, and go on by themselves', async ({ arrive, server }) => {
  const t = words('fr');
  const facilitator = await (await arrive({ role: 'facilitator', language: 'fr' })).join();
  await facilitator.page.getByRole('link', { name: t['people.title']!, exact: true }).click();
  await expect(facilitator.page.getByRole('heading', { level: 1 })).toHaveText(t['people.title']!);
  await facilitator.page.getByRole('button', { name: t['people.lock']! }).click();
  await expect(facilitator.page.getByRole('button', { name: t['people.unlock']! })).toBeVisible();
  const guest = await arrive({ ...PHONE, language: 'fr', name: 'Camille Attend' });
  await guest.page.goto(server.link('participant', 'paris'));
  await guest.page.getByLabel(t['join.name']!, { exact: true }).fill('Camille Attend');
  await guest.page.getByRole('button', { name: t['join.submit']!, exact: true }).tap();
  await expect(guest.page.getByText(t['join.waiting']!)).toBeVisible();
  await guest.audit();
  // Whoever opens the page again waits on.
  await guest.page.reload();
  await expect(guest.page.getByText(t['join.waiting']!)).toBeVisible();
  const letIn = `${t['people.admit']!} (Camille Attend)`;
  await facilitator.page.getByRole('button', { name: letIn }).click({ timeout: 15_000 });
  await guest.page.waitForURL('**/e/demo');
  await facilitator.page.getByRole('button', { name: t['people.unlock']! }).click();
  await expect(facilitator.page.getByRole('button', { name: t['people.lock']! })).toBeVisible();
  await facilitator.audit();
});

test('a projector becomes a screen when a facilitator types its code', async ({ arrive }) => {
  const t = words('en');
  const screen = await arrive({ language: 'en', width: 1920, height: 1080 });
  await open(screen, '/screen', t['screen.title']!);
  const code = await screen.page.getByRole('status').textContent();
  const facilitator = await (
    await arrive({ ...PHONE, role: 'facilitator', language: 'en' })
  ).join();
  await open(facilitator, '/e/demo/people', t['people.title']!);
  await facilitator.page.getByLabel(t['screen.code']!).fill(code!);
  await facilitator.page.locator('#screen-site').selectOption('bengaluru');
  await facilitator.page.getByRole('button', { name: t['screen.pairSubmit']!, exact: true }).tap();
  await expect(facilitator.page.getByText(t['screen.pairedHere']!)).toBeVisible();
  await expect(screen.page.getByRole('status')).toHaveText(
    t['screen.paired']!.replace('{site}', 'Bengaluru'),
  );
  await expect(screen.page.getByRole('heading', { name: t['event.programme']! })).toBeVisible();
  await screen.audit();
  // It stays one.
  await screen.page.reload();
  await expect(screen.page.getByRole('status')).toContainText('Bengaluru');
});
