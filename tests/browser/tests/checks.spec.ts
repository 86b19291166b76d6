// What a plan lacks, as everybody's next sentence; and the yes of whoever leads it.

import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const en = words('en');
const fr = words('fr');
const sentence = (words: Record<string, string>, key: string, name = '') =>
  words[key]!.replace('{name}', name);

test('the next sentence goes when it is answered, and the lead says yes', async ({ arrive }) => {
  const claire = await (await arrive({ name: 'Claire Petit', site: 'paris' })).join();
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await claire.board(5);
  await asha.board(5);
  const { page } = asha;
  const title = 'Sign one glossary';
  await page.getByRole('textbox', { name: en['board.addPlan']! }).fill(title);
  await page.keyboard.press('Enter');
  const sheet = page.getByRole('dialog');
  const next = sheet.getByRole('status');
  const card = claire.page.locator('.plans li', { hasText: title });

  await claire.shows('plans', title);
  await expect(next).toHaveText(en['check.lead']!);
  await expect(sheet).toContainText(en['check.idea']!);
  // The same question, on the other site's screen, in its own language.
  await expect(card).toContainText(fr['check.lead']!);
  await asha.audit();
  await claire.audit();

  const lead = page.getByLabel(en['plan.lead']!, { exact: true });
  await lead.selectOption({ label: 'Claire Petit' });
  await expect(next).toHaveText(en['check.first_step']!);
  await expect(card).toContainText(fr['check.first_step']!);
  await expect(card).not.toContainText(fr['check.lead']!);

  const fill = (key: string, text: string) =>
    page.getByLabel(en[key]!, { exact: true }).first().fill(text);
  await fill('plan.firstStepText', 'A meeting');
  await expect(next).toHaveText(en['check.first_step_verb']!);
  await fill('plan.firstStepText', 'send the first twenty words');
  await expect(next).toHaveText(en['check.first_step_owner']!);
  await page.getByLabel(en['plan.owner']!, { exact: true }).selectOption({ label: 'Asha Rao' });
  await expect(next).toContainText('11 April');
  await fill('plan.firstStepDue', '2022-04-20');
  await expect(next).toContainText('15 April');
  await fill('plan.firstStepDue', '2022-04-11');
  await expect(next).toHaveText(en['check.due_day']!);
  await fill('plan.due', '2022-09-30');
  await expect(next).toHaveText(en['check.proof']!);
  const evidence = sheet.locator('section', {
    has: page.getByRole('heading', { level: 3, name: en['plan.know']! }),
  });
  await evidence.getByRole('button', { name: en['plan.addRow']!, exact: true }).click();
  await evidence.getByLabel(en['plan.evidenceTitle']!, { exact: true }).fill('The glossary');
  await expect(next).toHaveText(sentence(en, 'check.acceptance', 'Claire Petit'));
  // Saying yes for somebody else is not for participants.
  await expect(sheet.getByRole('button', { name: /said yes/ })).toHaveCount(0);
  await asha.audit();

  // On Claire's own device.
  await card.getByRole('button').click();
  const hers = claire.page.getByRole('dialog');
  await expect(hers.getByRole('status')).toHaveText(fr['check.acceptanceMine']!);
  await hers.getByRole('button', { name: fr['check.accept']! }).click();
  await expect(hers).toContainText(sentence(fr, 'check.yes', 'Claire Petit'));
  await claire.audit();
  await expect(sheet).toContainText(sentence(en, 'check.yes', 'Claire Petit'));
  await expect(sheet).toContainText(en['check.plan']!);
  await sheet.getByText(/more question/).click();
  await asha.audit();

  // Another lead has to say yes anew.
  await lead.selectOption({ label: 'Asha Rao' });
  await expect(next).toHaveText(en['check.acceptanceMine']!);
  await expect(sheet).toContainText(en['check.idea']!);
});

test('a facilitator sees each group in numbers, and records a yes', async ({ arrive }) => {
  const rahul = await (
    await arrive({ name: 'Rahul', site: 'bengaluru', role: 'facilitator' })
  ).join();
  const numbers = rahul.page.getByRole('list', { name: 'Workshop 4 in numbers' });
  await expect(numbers).toContainText('3 not yet plans');
  await rahul.audit();
  await rahul.board(4);
  const pix = rahul.page.locator('.plans li', { hasText: 'Pix propose son code source' });
  await pix.getByRole('button').click();
  await rahul.page.getByRole('button', { name: /^Record that Olivier/ }).click();
  await expect(rahul.page.getByRole('dialog')).toContainText('Olivier Tanguy said yes');
  await rahul.page.getByRole('button', { name: en['app.close']! }).click();
  await expect(pix).toContainText(en['check.plan']!);
  await rahul.audit();
  await rahul.page.goto(`${rahul.server.origin}/e/demo`);
  await expect(numbers).toContainText('1 plan ready');
});

test('on a phone and in the dark, in French and Hindi', async ({ arrive }) => {
  for (const language of ['fr', 'hi'] as const) {
    const t = words(language);
    const one = await arrive({ site: 'bengaluru', language, width: 320, height: 640, dark: true });
    await (await one.join()).board(1);
    const rooms = one.page.getByRole('navigation', { name: t['board.rooms']! });
    await rooms.getByRole('button', { name: t['board.plansTab']!, exact: true }).click();
    const card = one.page.locator('.plans li', { hasText: '1.3' });
    await expect(card).toContainText(t['check.lead']!);
    await card.locator('summary').click();
    await one.audit();
    await card.getByRole('button').click();
    await expect(one.page.getByRole('dialog').getByRole('status')).toHaveText(t['check.lead']!);
    await one.audit();
    await one.leave();
  }
});
