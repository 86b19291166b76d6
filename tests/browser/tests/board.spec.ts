// What people do on a board, with a mouse, with keys alone, and on a small phone.

import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const en = words('en');

test('an idea is added, edited, moved, trayed, and comes back', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await asha.board(1);
  const { page } = asha;
  await page.getByRole('textbox', { name: en['board.addIdea']! }).fill('A first idea');
  await page.keyboard.press('Enter');
  const idea = page.getByRole('article', { name: /^A (first|better) idea/ });
  await expect(idea).toBeVisible();
  await expect(idea).toContainText('Asha Rao');

  const menu = (text: string) => page.getByLabel(`Actions: ${text}`, { exact: true });
  await menu('A first idea').click();
  await page.getByRole('button', { name: en['board.edit']!, exact: true }).click();
  await page.getByLabel(en['board.edit']!, { exact: true }).fill('A better idea');
  await page.keyboard.press('Enter');
  await expect(idea).toHaveAccessibleName('A better idea');
  // The focus has not been lost on the way.
  await expect(idea).toBeFocused();

  const cluster = page.locator('section.cluster').first();
  const name = (await cluster.getAttribute('aria-label'))!;
  await menu('A better idea').click();
  await page.getByRole('button', { name, exact: true }).click();
  await expect(cluster.getByRole('article', { name: 'A better idea' })).toBeFocused();

  await menu('A better idea').click();
  await page.getByRole('button', { name: en['board.delete']!, exact: true }).click();
  await expect(idea).toBeHidden();
  await page.getByRole('button', { name: en['board.tray']!, exact: true }).click();
  await asha.audit();
  await page.getByRole('button', { name: 'Restore: A better idea' }).click();
  await page.getByRole('button', { name: en['app.close']!, exact: true }).click();
  await expect(idea).toBeVisible();
  await asha.saved();
  await asha.audit();
});

test('a practice and a cluster are added; a cluster becomes a plan', async ({ arrive }) => {
  const asha = await (await arrive({ site: 'bengaluru' })).join();
  await asha.board(2);
  const { page } = asha;
  await page.getByRole('textbox', { name: en['board.addPractice']! }).fill('What works here');
  await page.keyboard.press('Enter');
  const mine = page.getByRole('region', { name: 'Bengaluru' });
  await expect(mine.getByRole('article', { name: 'What works here' })).toBeVisible();

  await page.getByRole('button', { name: en['board.addCluster']!, exact: true }).click();
  await page.keyboard.type('Together');
  await page.keyboard.press('Enter');
  const cluster = page.getByRole('region', { name: 'Together', exact: true });
  await expect(cluster).toBeVisible();
  await page.getByLabel('Actions: Together', { exact: true }).click();
  await cluster.getByRole('button', { name: en['board.makePlan']!, exact: true }).click();
  await expect(page.getByLabel(en['plan.title']!, { exact: true })).toHaveValue('Together');
  await asha.audit();
});

test('a plan is filled in, from what to how we will know', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await asha.board(3);
  const { page } = asha;
  await page.getByRole('textbox', { name: en['board.addPlan']! }).fill('Open the source code');
  await page.keyboard.press('Enter');
  const fill = (key: string, text: string) =>
    page.getByLabel(en[key]!, { exact: true }).first().fill(text);
  await page.getByLabel(en['plan.lead']!, { exact: true }).selectOption({ label: 'Asha Rao' });
  await fill('plan.firstStepText', 'send the address of the repository');
  await fill('plan.firstStepDue', '2022-04-11');
  await fill('plan.due', '2022-10-01');
  await fill('plan.expectedResult', 'A stranger can build it.');
  await page.getByRole('button', { name: 'Cite Pix' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: en['plan.addRow']!, exact: true }).first().click();
  await sheet.getByLabel(en['plan.organisation']!, { exact: true }).fill('GIP Pix');
  await asha.audit();
  await page.keyboard.press('Escape');
  const card = page.locator('.plans li', { hasText: 'Open the source code' });
  // Who has been said; the step's owner has not.
  await expect(card).toContainText(en['check.first_step_owner']!);
  await expect(card).toContainText('11 April 2022');
  await asha.saved();

  // Somebody in Paris reads the same days, in French, whatever their clock says.
  const claire = await (await arrive({ name: 'Claire', site: 'paris' })).join();
  await claire.board(3);
  const theirs = claire.page.locator('.plans li', { hasText: 'Open the source code' });
  await expect(theirs).toContainText('1 octobre 2022');
  await claire.audit();
});

test('undo and redo touch my own acts alone', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  const claire = await (await arrive({ name: 'Claire', site: 'paris' })).join();
  await Promise.all([asha.board(4), claire.board(4)]);
  const add = async (who: typeof asha, label: string, text: string) => {
    await who.page.getByRole('textbox', { name: label }).fill(text);
    await who.page.keyboard.press('Enter');
  };
  await add(asha, en['board.addIdea']!, 'Mine');
  await add(claire, words('fr')['board.addIdea']!, 'La sienne');
  const article = (name: string) => asha.page.getByRole('article', { name, exact: true });
  await asha.shows('ideas', 'La sienne');
  await asha.page.getByRole('button', { name: en['board.undo']! }).click();
  await expect(article('Mine')).toBeHidden();
  await expect(article('La sienne')).toBeVisible();
  await asha.page.getByRole('button', { name: en['board.redo']! }).click();
  await expect(article('Mine')).toBeVisible();
  await asha.saved();
});

test('with the keyboard alone: an idea, its cluster, its plan', async ({ arrive }) => {
  const asha = await (await arrive({ site: 'bengaluru' })).join();
  await asha.board(5);
  const { page } = asha;
  const reach = async (found: ReturnType<typeof page.getByRole>) => {
    for (let i = 0; i < 250; i += 1) {
      if (await found.evaluate((node) => node === document.activeElement)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error('not within reach of the Tab key');
  };
  await reach(page.getByRole('textbox', { name: en['board.addIdea']! }));
  await page.keyboard.type('By keys alone');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('article', { name: 'By keys alone' })).toBeVisible();
  // Back to its menu, which stands before the composer.
  const menu = page.getByLabel('Actions: By keys alone', { exact: true });
  for (let i = 0; i < 200; i += 1) {
    if (await menu.evaluate((node) => node === document.activeElement)) break;
    await page.keyboard.press('Shift+Tab');
  }
  await page.keyboard.press('Enter');
  await reach(
    page.locator('.menu[open], details[open]').getByRole('button', { name: en['board.makePlan']! }),
  );
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await expect(page.getByLabel(en['plan.title']!, { exact: true })).toHaveValue('By keys alone');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('a phone of 320 px holds every room, in three languages', async ({ arrive }) => {
  for (const language of ['fr', 'en', 'hi'] as const) {
    const t = words(language);
    const one = await arrive({ site: 'bengaluru', language, width: 320, height: 640 });
    await (await one.join()).board(1);
    const rooms = one.page.getByRole('navigation', { name: t['board.rooms']! });
    for (const key of ['practices', 'ideas', 'plansTab', 'map', 'minutes']) {
      await rooms.getByRole('button', { name: t[`board.${key}`]!, exact: true }).click();
      await one.audit();
    }
    await rooms.getByRole('button', { name: t['board.plansTab']!, exact: true }).click();
    await one.page.locator('.plans li button').first().click();
    await expect(one.page.getByRole('dialog')).toBeVisible();
    await one.audit();
    await one.page.keyboard.press('Escape');
    await one.page.getByLabel(t['board.more']!, { exact: true }).click();
    await one.audit();
    await one.leave();
  }
});

test('a screen shows the board and offers nothing to press', async ({ arrive }) => {
  const screen = await (await arrive({ role: 'screen', width: 1920, height: 1080 })).join();
  await screen.board(1);
  await expect(screen.page.getByRole('article').first()).toBeVisible();
  await expect(screen.page.locator('textarea:not([readonly])')).toHaveCount(0);
  await expect(screen.page.locator('form.composer')).toHaveCount(0);
  await screen.audit();
});
