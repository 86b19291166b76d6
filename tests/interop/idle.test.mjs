// y-websocket reconnects when it hears nothing for 30 s: a lone idle client must keep one connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, synced } from './harness.mjs';

const IDLE_MS = Number(process.env.SANGAM_IDLE_MS ?? 36_000);

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

for (const role of ['participant', 'screen']) {
  test(
    `a lone idle ${role} keeps one connection for ${IDLE_MS / 1_000} s`,
    { concurrency: true },
    async () => {
      const provider = server.provider(role === 'screen' ? 1 : 0, role);
      // Alone means silent: no presence either.
      provider.awareness.setLocalState(null);
      await synced(provider);
      let changes = 0;
      provider.on('status', () => (changes += 1));
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      assert.equal(changes, 0);
      assert.ok(provider.wsconnected);
      provider.destroy();
    },
  );
}
