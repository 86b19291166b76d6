// A server that dies under its clients.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addIdea, ideaText, Server, synced, until } from './harness.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

test('stock providers carry on after a kill, and nothing that they wrote is lost', async () => {
  const [one, two] = [server.provider(0), server.provider(0, 'participant', 'bengaluru')];
  await Promise.all([synced(one), synced(two)]);
  const before = addIdea(one.doc, 'before');
  await until(two, () => ideaText(two.doc, before) === 'before', 'the first idea');
  await server.kill();
  await until(one, () => !one.wsconnected, 'the cut');
  const during = addIdea(one.doc, 'during');
  await server.spawn(server.address);
  await until(two, () => ideaText(two.doc, during) === 'during', 'what was written meanwhile');
  const fresh = server.provider(0);
  await synced(fresh);
  assert.equal(ideaText(fresh.doc, before), 'before');
  assert.equal(ideaText(fresh.doc, during), 'during');
  [one, two, fresh].forEach((provider) => provider.destroy());
});
