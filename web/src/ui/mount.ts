// Every page starts alike: the language first, so that nothing is shown in the wrong one.

import '../styles/global.css';
import { mount, type Component } from 'svelte';
import { preferredLanguage, useLanguage } from '../messages/messages.svelte';

export async function start(page: Component): Promise<void> {
  await useLanguage(preferredLanguage(), false);
  const target = document.getElementById('app');
  if (target) mount(page, { target });
  keepForLater();
}

/** Puts the pages on this device, once this one is there and the network has nothing better to do. */
function keepForLater(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const register = () => {
    // Private mode, or an address without TLS: then pages need a connection, as everywhere.
    navigator.serviceWorker.register('/sw.js').catch(() => undefined);
  };
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}
