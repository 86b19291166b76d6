// What every file of tests starts with: one server, and people who come and go.

import { test as base } from '@playwright/test';
import { Somebody, type Traits } from './people.ts';
import { Server } from './server.ts';

interface Things {
  /** Brings somebody to the front door. */
  arrive: (traits?: Traits) => Promise<Somebody>;
}

export const test = base.extend<Things, { server: Server }>({
  server: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  arrive: async ({ browser, server }, use) => {
    const all: Somebody[] = [];
    await use(async (traits) => {
      const one = await Somebody.arrive(browser, server, traits);
      all.push(one);
      return one;
    });
    for (const one of all) await one.leave();
  },
});

export { expect } from '@playwright/test';
