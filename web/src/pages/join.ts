// Coming in: language, name, and in. The first page that anybody sees, on a phone, on a venue's
// network: plain elements, its own words, nothing else.

import '../styles/global.css';
import '../styles/join.css';
import {
  LANGUAGES,
  OWN_NAMES,
  pickFor,
  preferredLanguage,
  type Language,
} from '../messages/languages';
import { readIn, refusal, t } from '../messages/join';
import { LIMITS, type Role } from '../shared/schema.gen';
import { call, hasJoined, nowJoined, Problem } from '../ui/call';
import { el } from '../ui/element';
import { keepForLater } from '../ui/keep';

type Words = Record<string, string>;
interface LinkView {
  event: { slug: string; title: Words };
  role: Role;
  site: string | null;
  sites: { key: string; name: Words }[];
  /** Whose link it is, where it is handed out again. */
  person: string | null;
  /** Who is in on this device already. */
  here: string | null;
  /** Organisers may come in by their provider. */
  signIn: boolean;
}
interface Session {
  event: { slug: string };
  waiting: boolean;
}

const CODE_CHARS = 8;
const ASK_AGAIN_MS = 2_000;

let language: Language = preferredLanguage();
let secret = '';
let link: LinkView | undefined;
let failure: unknown;
let waiting = false;
let busy = false;
let opened = 0;
const form = {
  name: '',
  organisation: '',
  site: '',
  code: '',
  speaks: new Set<Language>(),
};

const isCode = () => secret.length > 0 && secret.length <= CODE_CHARS + 1;
const pick = (words: Words) => pickFor(language, words);

function enter(session: Session) {
  nowJoined(session.event.slug);
  waiting = session.waiting;
  // The token leaves the address bar with this page.
  if (!waiting) return location.replace(`/e/${session.event.slug}`);
  history.replaceState(null, '', '/join');
  draw();
  setTimeout(() => void lookAgain(), ASK_AGAIN_MS);
}

/** Before a locked door: asks until somebody opens it. */
async function lookAgain() {
  try {
    enter(await call<Session>('GET', '/api/v1/session'));
  } catch (error) {
    if (error instanceof Problem && (error.code === 'network' || error.status >= 500)) {
      setTimeout(() => void lookAgain(), ASK_AGAIN_MS);
      return;
    }
    waiting = false;
    failure = error;
    draw();
  }
}

// Also when another code is scanned, or a link is pasted, while this page is open.
async function look() {
  const mine = ++opened;
  secret = decodeURIComponent(location.hash.slice(1));
  link = failure = undefined;
  if (isCode()) form.code = secret;
  const refused = new URLSearchParams(location.search).get('refused');
  if (refused) failure = new Problem(refused, undefined, 0);
  draw();
  if (!secret && hasJoined()) {
    // Whoever waits, and has opened this page again, waits on.
    const session = await call<Session>('GET', '/api/v1/session').catch(() => undefined);
    if (session?.waiting && mine === opened) enter(session);
  }
  if (!secret || isCode()) return;
  try {
    const found = await call<LinkView>('POST', '/api/v1/links/inspect', { token: secret });
    if (mine !== opened) return;
    link = found;
    form.site = link.site ?? link.sites[0]?.key ?? '';
    form.speaks = new Set([language]);
  } catch (error) {
    failure = error;
  }
  draw();
}

async function send(path: string, body: object) {
  busy = true;
  failure = undefined;
  draw();
  try {
    enter(await call<Session>('POST', path, body));
  } catch (error) {
    failure = error;
    busy = false;
    draw();
    if (!(error instanceof Problem)) return;
    if (error.field) document.getElementById(error.field)?.focus();
    // A crowd at the door: this one comes again by itself, and not all at the same moment.
    if (error.code === 'too_many') {
      busy = true;
      draw();
      setTimeout(() => void send(path, body), (error.retrySeconds + Math.random()) * 1_000);
    }
  }
}

function submit(event: Event) {
  event.preventDefault();
  if (busy) return;
  if (isCode() || !secret) return void send('/api/v1/sessions/resume', { code: form.code });
  void send('/api/v1/sessions', {
    token: secret,
    name: form.name,
    organisation: form.organisation || null,
    site: form.site || null,
    language,
    languages: [...form.speaks],
  });
}

async function speak(next: Language) {
  await readIn(next, true);
  language = next;
  draw();
  document.querySelector<HTMLElement>(`.languages [lang=${next}]`)?.focus();
}

const problem = () => (failure instanceof Problem ? failure : undefined);
const wrong = () =>
  failure !== undefined &&
  el(
    'p',
    { class: 'notice', role: 'alert' },
    problem()?.field === 'name' && form.name ? t('join.badName') : refusal(problem()?.code ?? ''),
  );
const go = (label: string) =>
  el('button', { class: 'button primary', type: 'submit', 'aria-disabled': busy && 'true' }, label);

function field(
  id: 'name' | 'organisation' | 'code',
  label: string,
  attributes: Record<string, string | boolean | number>,
  hint?: string,
) {
  const input = el('input', {
    id,
    class: 'control',
    ...(hint && { 'aria-describedby': `${id}-hint` }),
    ...(problem()?.field === id && { 'aria-invalid': 'true' }),
    ...attributes,
    oninput: (event) => (form[id] = (event.target as HTMLInputElement).value),
  });
  input.value = form[id];
  return el(
    'div',
    { class: 'field' },
    el('label', { for: id }, label),
    input,
    hint && el('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}

const codeForm = () =>
  el(
    'form',
    { onsubmit: submit },
    field(
      'code',
      t('join.code'),
      { required: true, maxlength: 16, autocomplete: 'off', autocapitalize: 'characters' },
      t('join.codeHint'),
    ),
    wrong(),
    go(t('join.resume')),
  );

function linkForm({ role, sites, person }: LinkView) {
  const isSomebody = role !== 'screen' && !person;
  const place = el(
    'select',
    {
      id: 'site',
      class: 'control',
      onchange: (event) => (form.site = (event.target as HTMLSelectElement).value),
    },
    ...sites.map(({ key, name }) =>
      el('option', { value: key, selected: key === form.site }, pick(name).text),
    ),
  );
  const speaks = LANGUAGES.map((tag) =>
    el(
      'label',
      { class: 'choice' },
      el('input', {
        type: 'checkbox',
        checked: form.speaks.has(tag),
        onchange: (event) =>
          (event.target as HTMLInputElement).checked
            ? form.speaks.add(tag)
            : form.speaks.delete(tag),
      }),
      t(`lang.${tag}`),
    ),
  );
  return el(
    'form',
    { onsubmit: submit },
    person && el('p', {}, t('join.forPerson', { name: person })),
    isSomebody &&
      field(
        'name',
        t('join.name'),
        { required: true, maxlength: LIMITS.personNameCharsMax, autocomplete: 'name' },
        t('join.nameHint'),
      ),
    isSomebody &&
      field('organisation', t('join.organisation'), {
        maxlength: LIMITS.organisationCharsMax,
        autocomplete: 'organization',
      }),
    !person && el('div', { class: 'field' }, el('label', { for: 'site' }, t('join.site')), place),
    isSomebody &&
      el(
        'fieldset',
        {},
        el('legend', { class: 'legend' }, t('join.speaks')),
        el('div', { class: 'choices' }, ...speaks),
      ),
    wrong(),
    go(t('join.submit')),
    role !== 'screen' && el('p', { class: 'hint' }, t('join.notice')),
    role !== 'screen' &&
      el(
        'details',
        {},
        el('summary', {}, t('join.noticeTitle')),
        el('p', {}, t('join.noticeRights')),
        el('p', {}, el('a', { href: '/privacy' }, t('join.privacy'))),
      ),
  );
}

function body(): (Node | string | false)[] {
  if (waiting) {
    return [
      el(
        'div',
        { class: 'notice', role: 'status' },
        el('p', { class: 'strong' }, t('join.waiting')),
        el('p', {}, t('join.waitingHint')),
      ),
    ];
  }
  if (isCode()) return [el('p', {}, t('join.resumeLead')), codeForm()];
  if (!secret) return [el('p', { class: 'notice' }, t('join.noLink')), codeForm()];
  if (link) {
    const { here, event, role } = link;
    return [
      here !== null &&
        el(
          'div',
          { class: 'notice' },
          el('p', {}, t('join.here', { name: here })),
          el('a', { class: 'button', href: `/e/${event.slug}` }, t('join.goOn')),
        ),
      el('p', {}, t(`join.role.${role}`)),
      linkForm(link),
      link.signIn &&
        el(
          'a',
          { class: 'button', href: `/api/v1/events/${event.slug}/sign-in` },
          t('join.signIn'),
        ),
    ];
  }
  if (failure) {
    return [
      wrong(),
      el('button', { class: 'button', type: 'button', onclick: () => void look() }, t('app.retry')),
    ];
  }
  return [el('p', {}, t('app.loading'))];
}

function draw() {
  const title = link && pick(link.event.title);
  document.title = `${title ? t('join.title', { event: title.text }) : t('join.plainTitle')} · ${t('app.name')}`;
  const focused = document.activeElement?.id;
  const brand = el('a', { class: 'brand', href: '/' }, t('app.name'));
  const languages = LANGUAGES.map((tag) =>
    el(
      'button',
      {
        type: 'button',
        class: 'button',
        lang: tag,
        'aria-pressed': String(tag === language),
        onclick: () => void speak(tag),
      },
      OWN_NAMES[tag],
    ),
  );
  document
    .getElementById('app')!
    .replaceChildren(
      el('a', { class: 'skip button', href: '#main', onclick: toMain }, t('app.skip')),
      el('header', {}, brand),
      el(
        'main',
        { id: 'main', tabindex: -1 },
        el(
          'div',
          {},
          title && el('p', { class: 'eyebrow' }, t('join.plainTitle')),
          el('h1', { ...(title && { lang: title.lang }) }, title?.text || t('join.plainTitle')),
        ),
        el(
          'fieldset',
          { class: 'languages' },
          el('legend', { class: 'visually-hidden' }, t('app.language')),
          ...languages,
        ),
        ...body().filter((part) => part !== false),
      ),
    );
  if (focused) document.getElementById(focused)?.focus();
}

/** The address holds the token: it does not become `#main`. */
function toMain(event: Event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

await readIn(language, false);
addEventListener('hashchange', () => void look());
void look();
keepForLater();
