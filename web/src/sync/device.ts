// All copies on this device together: whether the server has everything, and how to forget them.

import { hasUnsaved } from './offline';

const isCopy = (name: string | undefined): name is string => name?.startsWith('sangam:') ?? false;

async function copies(): Promise<string[]> {
  const databases = (await globalThis.indexedDB?.databases?.()) ?? [];
  return databases.map(({ name }) => name).filter(isCopy);
}

/** Whether a board's copy holds words that the server has not confirmed. */
export async function deviceHasUnsaved(): Promise<boolean> {
  const answers = await Promise.all((await copies()).map(hasUnsaved));
  return answers.includes(true);
}

/** Takes every copy off this device. */
export async function forgetDevice(): Promise<void> {
  for (const name of await copies()) indexedDB.deleteDatabase(name);
}
