// Every page, by every door, in every language: it reads, it passes the audit, it asks nobody else.

import { words, type Language } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

for (const language of ['fr', 'en', 'hi'] as Language[]) {
  for (const dark of [false, true]) {
    test(`every page in ${language}, ${dark ? 'dark' : 'light'}`, async ({ arrive, server }) => {
      const t = words(language);
      const one = await arrive({ language, dark, name: 'अनन्या Ångström' });
      const { page } = one;
      await page.goto(server.origin);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(t['home.title']!);
      await expect(page.locator('html')).toHaveAttribute('lang', language);
      await one.audit();
      await page.goto(`${server.origin}/join`);
      await expect(page.getByText(t['join.noLink']!)).toBeVisible();
      await one.audit();
      await page.goto(server.link('participant', 'bengaluru'));
      await expect(page.getByLabel(t['join.name']!, { exact: true })).toBeVisible();
      // The room's own QR code has chosen the site.
      await expect(page.getByLabel(t['join.site']!, { exact: true })).toHaveValue('bengaluru');
      await one.audit();
      await one.join();
      await expect(page.getByRole('heading', { name: t['event.programme']! })).toBeVisible();
      await one.audit();
      await one.board(1);
      await one.audit();
      await page.goto(server.origin);
      await expect(page.getByRole('link', { name: /\[In\]:\[Fra\]:structures/ })).toBeVisible();
      await one.audit();
    });
  }
}

test('both clocks stand on the programme, whatever the browser’s own says', async ({ arrive }) => {
  const asha = await (await arrive({ site: 'bengaluru' })).join();
  const claire = await (await arrive({ site: 'paris' })).join();
  for (const one of [asha, claire]) {
    const readout = one.page
      .locator('li', { hasText: /Groups report back|Restitution des groupes/ })
      .first();
    await expect(readout).toContainText('16:00');
    await expect(readout).toContainText('19:30');
  }
});

test('a wrong link is told so, in a sentence, and can be tried again', async ({
  arrive,
  server,
}) => {
  const one = await arrive({ language: 'en' });
  one.forgiving = true;
  await one.page.goto(`${server.origin}/join#AAAAAAAAAAAAAAAAAAAAAA`);
  await expect(one.page.getByRole('alert')).toHaveText(words('en')['error.link_unknown']!);
  await one.audit();
});

test('a page that does not exist says so', async ({ arrive, server }) => {
  const one = await arrive({ language: 'fr' });
  one.forgiving = true;
  const response = await one.page.goto(`${server.origin}/nothing/here`);
  expect(response?.status()).toBe(404);
  await expect(one.page.getByRole('heading', { level: 1 })).toHaveText(words('fr')['error.title']!);
  await one.audit();
});

test('without a session the programme asks for the link', async ({ arrive, server }) => {
  const one = await arrive({ language: 'en' });
  one.forgiving = true;
  await one.page.goto(`${server.origin}/e/demo/board/1`);
  await expect(one.page.getByRole('alert')).toHaveText(words('en')['error.no_session']!);
  await one.audit();
});

test('the language is chosen by hand, and kept', async ({ arrive, server }) => {
  const one = await (await arrive({ language: 'en' })).join();
  await one.page.getByLabel(words('en')['app.language']!).selectOption('hi');
  await expect(one.page.locator('html')).toHaveAttribute('lang', 'hi');
  await one.page.goto(`${server.origin}/e/demo/board/1`);
  await expect(one.page.locator('html')).toHaveAttribute('lang', 'hi');
  await one.audit();
});

test('a phone joins in under fifteen seconds', async ({ arrive }) => {
  const one = await arrive({ width: 360, height: 740, language: 'fr' });
  const start = Date.now();
  await one.join();
  await one.board(1);
  expect(Date.now() - start).toBeLessThan(15_000);
  await one.audit();
});
