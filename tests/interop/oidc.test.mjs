// Organisers sign in with a real OpenID provider, npm's oidc-provider, as a browser does: every hop is
// followed by hand, so that each can be spoiled.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Provider } from '../../web/node_modules/oidc-provider/lib/index.js';

const BINARY =
  process.env.SANGAM_BIN ?? new URL('../../target/release/sangam', import.meta.url).pathname;

/** What the provider is told to say of whoever signs in next. */
let account = { sub: 'claire', acr: 'eidas1' };
let asked;
let provider, sangam, data, origin, issuer;

const listen = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};

before(async () => {
  // A port for ours first: the provider must know where it sends people back.
  const free = createServer();
  origin = `http://127.0.0.1:${await listen(free)}`;
  free.close();
  await once(free, 'close');

  let handle;
  const server = createServer((request, response) => handle(request, response));
  issuer = `http://127.0.0.1:${await listen(server)}`;
  const oidc = new Provider(issuer, {
    clients: [
      {
        client_id: 'sangam',
        client_secret: 'a secret with % and : in it',
        redirect_uris: [`${origin}/api/v1/sign-in/callback`],
        // As ProConnect answers.
        userinfo_signed_response_alg: 'RS256',
      },
    ],
    acrValues: ['eidas1', 'eidas2'],
    claims: {
      openid: ['sub'],
      acr: null,
      email: ['email', 'email_verified'],
      profile: ['given_name', 'usual_name'],
    },
    cookies: { keys: ['for this test alone'] },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: true },
      jwtUserinfo: { enabled: true },
    },
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        email: account.email ?? `${sub}@example.org`,
        email_verified: account.verified ?? true,
        given_name: 'Claire',
        usual_name: 'Fontaine',
      }),
    }),
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
  const callback = oidc.callback();
  handle = async (request, response) => {
    if (!request.url.startsWith('/sign-in/')) return callback(request, response);
    asked = (await oidc.interactionDetails(request, response)).params;
    const login = { accountId: account.sub, acr: account.acr };
    await oidc.interactionFinished(request, response, { login });
  };
  provider = server;

  data = mkdtempSync(join(tmpdir(), 'sangam-oidc-'));
  sangam = spawn(BINARY, ['demo', '--listen', new URL(origin).host, '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      RUST_LOG: 'off',
      SANGAM_PUBLIC_URL: origin,
      SANGAM_OIDC_ISSUER: issuer,
      SANGAM_OIDC_CLIENT_ID: 'sangam',
      SANGAM_OIDC_CLIENT_SECRET: 'a secret with % and : in it',
      SANGAM_OIDC_ORGANISERS: 'claire@example.org,subject-7',
      SANGAM_OIDC_ACR_VALUES: 'eidas1',
    },
  });
  const lines = createInterface({ input: sangam.stdout });
  await new Promise((resolve, reject) => {
    lines.on('line', (line) => line.startsWith('listening on') && resolve());
    lines.on('close', () => reject(new Error('the server ended before it listened')));
  });
});

after(async () => {
  sangam?.kill('SIGKILL');
  if (sangam) await once(sangam, 'exit');
  provider?.closeAllConnections();
  provider?.close();
  if (data) rmSync(data, { recursive: true, force: true });
});

/** A browser that follows nothing by itself. */
class Browser {
  jars = new Map();

  async go(address) {
    const url = new URL(address);
    const jar = this.jars.get(url.host) ?? new Map();
    this.jars.set(url.host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: cookie ? { cookie } : {} });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    const next = answer.headers.get('location');
    return { status: answer.status, next: next && new URL(next, url).href, answer };
  }

  /** Up to our own callback, which is not asked yet. */
  async upToCallback() {
    let { next } = await this.go(`${origin}/api/v1/events/demo/sign-in`);
    for (let hop = 0; hop < 10 && !next.startsWith(`${origin}/api/v1/sign-in/callback`); hop += 1) {
      ({ next } = await this.go(next));
      assert.ok(next, 'the provider leads somewhere');
    }
    return next;
  }

  async session() {
    const { status, answer } = await this.go(`${origin}/api/v1/session`);
    return status === 200 ? await answer.json() : null;
  }
}

const REFUSED = () => `${origin}/join?refused=sign_in`;

async function signIn(who) {
  account = { acr: 'eidas1', ...who };
  const browser = new Browser();
  const callback = await browser.upToCallback();
  const { next } = await browser.go(callback);
  return { browser, callback, next };
}

test('a listed organiser signs in, and is the same person the next time', async () => {
  const { browser, next } = await signIn({ sub: 'claire' });
  assert.equal(next, `${origin}/e/demo`);
  const session = await browser.session();
  assert.equal(session.role, 'organiser');
  assert.equal(session.person.name, 'Claire Fontaine');
  assert.equal(asked.code_challenge_method, 'S256');
  assert.equal(asked.acr_values, 'eidas1');
  assert.ok(asked.nonce.length >= 22 && asked.state.length >= 22);
  const again = await signIn({ sub: 'claire' });
  assert.equal((await again.browser.session()).person.id, session.person.id);
});

test('a subject may be listed in place of an address', async () => {
  const { browser } = await signIn({ sub: 'subject-7', email: 'nobody@example.org' });
  assert.equal((await browser.session()).role, 'organiser');
});

test('whoever is not listed does not come in', async () => {
  for (const who of [
    { sub: 'mallory' },
    { sub: 'mallory', email: 'claire@example.org', verified: false },
    { sub: 'mallory', email: 'claire@example.org.evil.example' },
  ]) {
    const { browser, next } = await signIn(who);
    assert.equal(next, REFUSED(), JSON.stringify(who));
    assert.equal(await browser.session(), null);
  }
});

test('a lower level of assurance is not enough', async () => {
  const { browser, next } = await signIn({ sub: 'claire', acr: 'eidas0' });
  assert.equal(next, REFUSED());
  assert.equal(await browser.session(), null);
});

test('a sign-in that another browser began opens nothing', async () => {
  account = { sub: 'claire', acr: 'eidas1' };
  const callback = await new Browser().upToCallback();
  const other = new Browser();
  assert.equal((await other.go(callback)).next, REFUSED(), 'without a cookie');
  await other.go(`${origin}/api/v1/events/demo/sign-in`);
  assert.equal((await other.go(callback)).next, REFUSED(), 'with its own');
  assert.equal(await other.session(), null);
});

test('a code is taken once, and what was spoiled on the way is refused', async () => {
  const { browser, callback } = await signIn({ sub: 'claire' });
  assert.equal((await browser.go(callback)).next, REFUSED(), 'twice');
  for (const spoil of [
    (url) => url.searchParams.set('state', 'x'),
    (url) => url.searchParams.delete('state'),
    (url) => url.searchParams.set('code', 'x'),
    (url) => url.searchParams.delete('code'),
    (url) => url.searchParams.set('error', 'access_denied') ?? url.searchParams.delete('code'),
  ]) {
    account = { sub: 'claire', acr: 'eidas1' };
    const one = new Browser();
    const url = new URL(await one.upToCallback());
    spoil(url);
    assert.equal((await one.go(url.href)).next, REFUSED(), url.search);
    assert.equal(await one.session(), null);
  }
});

test('without the verifier, or with another nonce, the code is worth nothing', async () => {
  for (const part of [1, 2]) {
    account = { sub: 'claire', acr: 'eidas1' };
    const one = new Browser();
    const callback = await one.upToCallback();
    const jar = one.jars.get(new URL(origin).host);
    const parts = jar.get('sangam_sign_in').split('.');
    parts[part] = 'A'.repeat(parts[part].length);
    jar.set('sangam_sign_in', parts.join('.'));
    assert.equal((await one.go(callback)).next, REFUSED(), `part ${part}`);
    assert.equal(await one.session(), null);
  }
});

test('a sign-in is no link that anybody hands out', async () => {
  const { stdout } = await promisify(execFile)(BINARY, ['links', 'demo', '--json', '--data', data]);
  const listed = JSON.parse(stdout).links.filter((link) => link.role === 'organiser');
  assert.equal(listed.length, 1);
});
