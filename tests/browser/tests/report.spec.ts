// The report leaves the room: who may take it, in which form, and what is on the page meanwhile.

import { readFileSync } from 'node:fs';
import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

for (const language of ['fr', 'en', 'hi'] as const) {
  test(`an organiser takes the report away in ${language}, on a phone`, async ({ arrive }) => {
    const t = words(language);
    const one = await arrive({ role: 'organiser', language, width: 320, height: 640 });
    await one.join();
    await one.page.getByRole('button', { name: t['report.open']! }).click();
    const dialog = one.page.getByRole('dialog', { name: t['report.open']! });
    await expect(dialog).toBeVisible();
    await one.audit();
    await dialog.getByLabel(t['report.format']!).selectOption('md');
    await dialog.getByLabel(t['report.personal']!).check();
    const coming = one.page.waitForEvent('download');
    await dialog.getByRole('button', { name: t['report.download']! }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toBe('demo-2022-04-08.md');
    const text = readFileSync(await download.path(), 'utf8');
    expect(text).toContain('Pix propose son code source à ses homologues indiens');
    await expect(dialog.getByRole('status')).toContainText('demo-2022-04-08.md');
    await one.audit();
    await one.page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });
}

test('a facilitator is offered the file to circulate, a participant none', async ({ arrive }) => {
  const t = words('en');
  const facilitator = await arrive({ role: 'facilitator', language: 'en' });
  await facilitator.join();
  await facilitator.page.getByRole('button', { name: t['report.open']! }).click();
  const dialog = facilitator.page.getByRole('dialog');
  await expect(dialog.getByText(t['report.personalHint']!)).toBeVisible();
  await expect(dialog.getByRole('checkbox')).toHaveCount(0);
  await facilitator.audit();
  const participant = await arrive({ language: 'en' });
  await participant.join();
  await expect(
    participant.page.getByRole('heading', { name: t['event.programme']! }),
  ).toBeVisible();
  await expect(participant.page.getByRole('button', { name: t['report.open']! })).toHaveCount(0);
});

test('a refusal is a sentence, and the file can be asked for again', async ({ arrive }) => {
  const t = words('en');
  const one = await arrive({ role: 'organiser', language: 'en' });
  await one.join();
  one.forgiving = true;
  await one.page.route('**/export?*', (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: '{"code":"busy"}',
    }),
  );
  await one.page.getByRole('button', { name: t['report.open']! }).click();
  const dialog = one.page.getByRole('dialog');
  await dialog.getByRole('button', { name: t['report.download']! }).click();
  await expect(dialog.getByRole('alert')).toHaveText(t['error.busy']!);
  await one.page.unroute('**/export?*');
  const coming = one.page.waitForEvent('download');
  await dialog.getByRole('button', { name: t['report.download']! }).click();
  await coming;
  await expect(dialog.getByRole('alert')).toHaveCount(0);
});
