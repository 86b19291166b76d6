// Every page starts alike: the language first, so that nothing is shown in the wrong one.

import '../styles/global.css';
import { mount, type Component } from 'svelte';
import { preferredLanguage, useLanguage } from '../messages/messages.svelte';
import { keepForLater } from './keep';

export async function start(page: Component): Promise<void> {
  await useLanguage(preferredLanguage(), false);
  const target = document.getElementById('app');
  if (target) mount(page, { target });
  keepForLater();
}
