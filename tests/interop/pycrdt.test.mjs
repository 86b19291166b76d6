// pycrdt-websocket's own clients with our server in place of theirs.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Server } from './harness.mjs';

const PACKAGES = ['pycrdt==0.14.13', 'pycrdt-websocket==0.16.5', 'httpx-ws==0.9.0'];
const folder = new URL('../../target/python-pycrdt', import.meta.url).pathname;
const run = promisify(execFile);

/** Why it cannot be had; `undefined` when it is there. */
async function install() {
  if (existsSync(`${folder}/ready`)) return undefined;
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 });
    const install = ['install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
    await run(`${folder}/bin/pip`, install, { timeout: 180_000 });
    await run('touch', [`${folder}/ready`]);
    return undefined;
  } catch (error) {
    return `${error.message}`;
  }
}

let server;
let missing;
before(async () => {
  missing = await install();
  server = await Server.start();
});
after(() => server.stop());

test('two clients of pycrdt-websocket work on one board', async (t) => {
  if (missing) {
    t.diagnostic(`NOT RUN: no Python, or no registry: ${missing}`);
    t.skip(missing);
    return;
  }
  const { stdout } = await run(
    `${folder}/bin/python`,
    [
      new URL('pycrdt_client.py', import.meta.url).pathname,
      `ws://${server.address}/sync/${server.board(0)}`,
      server.token('participant', 'paris'),
      server.token('participant', 'bengaluru'),
    ],
    { timeout: 60_000 },
  );
  assert.equal(stdout.match(/^ok /gm)?.length, 7, stdout);
});
