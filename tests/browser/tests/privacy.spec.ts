// "My data", "remove my name", "erase me": one tap each, with what it does said before.

import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const fr = words('fr');
const hi = words('hi');

test('a person sees their data, takes their name away, and is erased', async ({ arrive }) => {
  const claire = await (await arrive({ name: 'Claire Dubois', width: 360, height: 740 })).join();
  const { page } = claire;
  await claire.board(1);
  await page.getByRole('textbox', { name: fr['board.addIdea']! }).fill('Une idée de Claire');
  await page.keyboard.press('Enter');
  await claire.saved();

  await page.goto(`${claire.server.origin}/privacy`);
  await expect(page.getByText(fr['privacy.removeHint']!)).toBeVisible();
  await expect(page.getByText(fr['privacy.eraseHint']!)).toBeVisible();
  await page.getByRole('button', { name: fr['privacy.see']!, exact: true }).click();
  await expect(page.getByText('Une idée de Claire')).toBeVisible();
  await claire.audit();
  await page.screenshot({ path: test.info().outputPath('phone-fr.png'), fullPage: true });

  const asked = page.waitForEvent('download');
  await page.getByRole('button', { name: fr['privacy.download']! }).click();
  expect((await asked).suggestedFilename()).toBe('demo-my-data.json');

  await page.getByRole('button', { name: fr['privacy.remove']! }).click();
  await expect(page.getByText(fr['privacy.nameRemoved']!)).toBeVisible();
  await expect(page.getByText(fr['privacy.youHaveNoName']!)).toBeVisible();

  await page.getByRole('button', { name: fr['privacy.eraseMe']! }).click();
  await claire.audit();
  await page.getByRole('button', { name: fr['privacy.eraseYes']! }).click();
  await expect(page.getByText(fr['privacy.erased']!)).toBeVisible();
  await expect(page.getByRole('button', { name: fr['privacy.eraseMe']! })).toHaveCount(0);
  const asha = await (await arrive({ name: 'Asha', site: 'bengaluru' })).join();
  await asha.board(1);
  await expect(asha.page.getByText('Une idée de Claire')).toHaveCount(0);
});

test('the notice can be read by whoever has not joined, in Hindi too', async ({ arrive }) => {
  const asha = await arrive({ name: 'Asha', site: 'bengaluru', language: 'hi' });
  await asha.page.goto(`${asha.server.origin}/privacy`);
  await expect(asha.page.getByRole('heading', { name: hi['privacy.title']! })).toBeVisible();
  await expect(asha.page.getByText(hi['privacy.limitsText']!)).toBeVisible();
  await expect(asha.page.getByRole('button', { name: hi['privacy.see']! })).toHaveCount(0);
  await asha.audit();
  await asha.page.screenshot({ path: test.info().outputPath('laptop-hi.png'), fullPage: true });
});
