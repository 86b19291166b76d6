// Many hands on one board: what others do never moves what I read, and nobody writes over anybody.

import type { Somebody } from '../src/people.ts';
import { words } from '../src/people.ts';
import { expect, test } from '../src/test.ts';

const fr = words('fr');
const en = words('en');

const add = async (one: Somebody, label: string, text: string) => {
  await one.page.getByRole('textbox', { name: label }).fill(text);
  await one.page.keyboard.press('Enter');
};
const note = (one: Somebody, name: string) => one.page.getByRole('article', { name, exact: true });
const act = async (one: Somebody, text: string, name: string) => {
  const t = words(one.traits.language);
  await one.page.getByLabel(t['board.actions']!.replace('{text}', text), { exact: true }).click();
  await one.page.locator('.menu').getByRole('button', { name, exact: true }).click();
};

test('what others add waits behind a button, and moves nothing that I read', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  const claire = await (await arrive({ name: 'Claire Martin' })).join();
  await Promise.all([asha.board(1), claire.board(1)]);
  const { page } = asha;
  const composer = page.getByRole('textbox', { name: en['board.addIdea']! });
  await composer.fill('Half a thought');
  const order = () => page.locator('.board article').evaluateAll((all) => all.map((one) => one.id));
  const before = await order();
  for (const text of ['Une de Paris', 'Deux de Paris']) {
    await add(claire, fr['board.addIdea']!, text);
  }
  const waiting = page.locator('[data-waiting=ideas]');
  await expect(waiting).toContainText('2 new');
  expect(await order()).toEqual(before);
  await expect(composer).toBeFocused();
  await expect(composer).toHaveValue('Half a thought');
  // Whoever listens is told, in one sentence.
  await expect(page.locator('[data-news]')).toHaveText('Added 2 ideas');
  await asha.audit();

  await waiting.click();
  await expect(note(asha, 'Une de Paris')).toBeFocused();
  await expect(note(asha, 'Deux de Paris')).toContainText(en['board.new']!);
  await expect(waiting).toBeHidden();
  await expect(composer).toHaveValue('Half a thought');
  await asha.audit();

  // A move of somebody else's says whose it was.
  const cluster = claire.page.locator('section.cluster').first();
  const name = (await cluster.getAttribute('aria-label'))!;
  await act(claire, 'Une de Paris', name);
  await expect(note(asha, 'Une de Paris')).toContainText('moved by Claire Martin');
});

test('two who want the same note ask each other first', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  const bela = await (await arrive({ name: 'Bela Iyer', site: 'bengaluru' })).join();
  await asha.board(2);
  await add(asha, en['board.addIdea']!, 'One sentence for all');
  await asha.saved();
  await bela.board(2);
  await act(asha, 'One sentence for all', en['board.edit']!);
  const theirs = note(bela, 'One sentence for all');
  await expect(theirs).toContainText('Asha Rao is writing');
  await act(bela, 'One sentence for all', en['board.edit']!);
  await expect(theirs).toContainText('Asha Rao is writing here. Write at the same time?');
  await bela.audit();
  await bela.page.getByRole('button', { name: en['board.lockLeave']!, exact: true }).click();
  await expect(theirs).toBeFocused();
  await expect(bela.page.getByLabel(en['board.edit']!, { exact: true })).toHaveCount(0);
  await act(bela, 'One sentence for all', en['board.edit']!);
  await bela.page.getByRole('button', { name: en['board.lockWrite']!, exact: true }).click();
  await expect(bela.page.getByLabel(en['board.edit']!, { exact: true })).toBeFocused();
});

test('I go to where somebody writes, on a phone too', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  const bela = await arrive({ name: 'Bela Iyer', site: 'bengaluru', width: 360, height: 740 });
  await (await bela.join()).board(3);
  await asha.board(3);
  await add(asha, en['board.addPractice']!, 'What we do at home');
  await act(asha, 'What we do at home', en['board.edit']!);
  const here = bela.page.locator('details', { hasText: en['board.here']! });
  await here.locator('summary').click();
  await here.getByRole('button', { name: 'Go to where Asha Rao is writing' }).click();
  // In another room, and still waiting to be shown: it is there now.
  await expect(note(bela, 'What we do at home')).toBeFocused();
  await bela.audit();
});

test('notes that may say the same are proposed, and grouped in one tap', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  await asha.board(4);
  const { page } = asha;
  await add(asha, en['board.addIdea']!, 'A shared register of village schools');
  await add(asha, en['board.addIdea']!, 'Village schools in one shared register');
  await act(asha, 'Village schools in one shared register', 'A shared register of village schools');
  // The new cluster asks for its name at once.
  await page.keyboard.type('School register');
  await page.keyboard.press('Enter');
  const cluster = page.getByRole('region', { name: 'School register', exact: true });
  await expect(cluster.getByRole('article')).toHaveCount(2);
  await asha.saved();
  await asha.audit();
});

test('clusters and plans are placed on the map with the pointer and with keys', async ({
  arrive,
}) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  const claire = await (await arrive({ name: 'Claire Martin' })).join();
  await Promise.all([asha.board(5), claire.board(5)]);
  const { page } = asha;
  const tab = (one: Somebody, t: Record<string, string>) =>
    one.page
      .getByRole('navigation', { name: t['board.rooms']! })
      .getByRole('button', { name: t['board.map']!, exact: true })
      .click();
  await Promise.all([tab(asha, en), tab(claire, fr)]);
  // Taken off in the list, and put back by the button that stands below.
  const named = page.locator('.map li button.name').last();
  const [mark, name] = [
    (await named.locator('.mark').textContent())!.trim(),
    (await named.locator('[lang]').textContent())!.trim(),
  ];
  const item = page.locator('.square').getByRole('button', { name: `${mark} ${name}` });
  await named.click();
  await page.getByRole('button', { name: en['map.off']!, exact: true }).click();
  await expect(item).toHaveCount(0);
  await asha.audit();
  await page.getByRole('button', { name: `Put on the map: ${name}`, exact: true }).click();
  await expect(item).toHaveAccessibleName(/effort 50 %, impact 50 %/);
  await asha.audit();
  // By keys.
  await item.focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowLeft');
  await expect(item).toHaveAccessibleName(/effort 45 %, impact 55 %/);
  // By numbers.
  await page.getByRole('slider', { name: en['map.effort']! }).fill('20');
  await expect(item).toHaveAccessibleName(/effort 20 %, impact 55 %/);
  // By hand, to the upper right; written once, when it is let go.
  await item.scrollIntoViewIfNeeded();
  const box = (await item.boundingBox())!;
  const square = (await page.locator('.square').boundingBox())!;
  const [x, y] = [box.x + 20, box.y + 20];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + square.width * 0.5, y - square.height * 0.3, { steps: 8 });
  await page.mouse.up();
  await expect(item).toHaveAccessibleName(/effort 70 %, impact 85 %/);
  await expect(claire.page.locator('.square .item', { hasText: mark })).toHaveAccessibleName(
    /effort 70\u00a0%, effet 85\u00a0%/,
  );
  await asha.saved();
  await claire.audit();
});

test('each chooses how much is announced, and it is kept', async ({ arrive }) => {
  const asha = await (await arrive({ name: 'Asha Rao', site: 'bengaluru' })).join();
  const claire = await (await arrive({ name: 'Claire Martin' })).join();
  await Promise.all([asha.board(1), claire.board(1)]);
  const { page } = asha;
  const open = page.getByRole('button', { name: en['comfort.title']!, exact: true });
  await open.click();
  await page.getByRole('radio', { name: en['comfort.none']! }).check();
  await asha.audit();
  await page.keyboard.press('Escape');
  await expect(open).toBeFocused();
  await add(claire, fr['board.addIdea']!, 'Sans bruit');
  await expect(page.locator('[data-waiting=ideas]')).toBeVisible();
  await page.waitForTimeout(2_000);
  await expect(page.locator('[data-news]')).toHaveText('');
  await page.reload();
  await open.click();
  await expect(page.getByRole('radio', { name: en['comfort.none']! })).toBeChecked();
});
