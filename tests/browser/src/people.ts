// Somebody with a browser: their language, their clock, their screen. What a page may never do
// (ask another host, log an error, scroll sideways, fail an audit) is watched for everybody.

import { expect, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Role, Server } from './server.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export type Language = 'fr' | 'en' | 'hi';

export interface Traits {
  name?: string;
  site?: 'paris' | 'bengaluru';
  language?: Language;
  role?: Role;
  width?: number;
  height?: number;
  dark?: boolean;
}

const LOCALES = { fr: 'fr-FR', en: 'en-GB', hi: 'hi-IN' } as const;

/** The words of the interface, as people read them. */
export function words(language: Language): Record<string, string> {
  const file = new URL(`../../../web/locales/${language}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
}

export class Somebody {
  private readonly complaints: string[] = [];
  /** Set while the server is down on purpose: then the browser rightly complains. */
  forgiving = false;

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly server: Server,
    readonly traits: Required<Traits>,
  ) {}

  static async arrive(browser: Browser, server: Server, traits: Traits = {}): Promise<Somebody> {
    const site = traits.site ?? 'paris';
    const full = {
      name: 'Camille Martin',
      language: site === 'paris' ? ('fr' as const) : ('en' as const),
      role: 'participant' as const,
      width: 1366,
      height: 768,
      dark: false,
      ...traits,
      site,
    };
    const phone = full.width < 600;
    const context = await browser.newContext({
      locale: LOCALES[full.language],
      timezoneId: site === 'paris' ? 'Europe/Paris' : 'Asia/Kolkata',
      viewport: { width: full.width, height: full.height },
      colorScheme: full.dark ? 'dark' : 'light',
      hasTouch: phone,
      isMobile: phone,
      reducedMotion: 'reduce',
    });
    // Our pages forbid inline scripts; the audit is not one of theirs.
    const page = await context.newPage();
    const one = new Somebody(page, context, server, full);
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && url.origin !== server.origin) {
        one.complaints.push(`asked another host: ${url.host}`);
      }
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(server.origin).host) {
        one.complaints.push(`opened a socket elsewhere: ${socket.url()}`);
      }
    });
    page.on('pageerror', (error) => one.complaints.push(`threw: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !one.forgiving) {
        one.complaints.push(`logged: ${message.text()}`);
      }
    });
    return one;
  }

  /** Opens the link, gives a name, and is in. */
  async join(): Promise<this> {
    const { role, site, language, name } = this.traits;
    const t = words(language);
    await this.page.goto(this.server.link(role, role === 'organiser' ? undefined : site));
    if (role !== 'screen') await this.page.getByLabel(t['join.name']!, { exact: true }).fill(name);
    await this.page.getByRole('button', { name: t['join.submit']!, exact: true }).click();
    await this.page.waitForURL('**/e/demo');
    return this;
  }

  /** Opens a board, and waits until it has been read. */
  async board(number: number): Promise<this> {
    await this.page.goto(`${this.server.origin}/e/demo/board/${number}`);
    await expect(this.page.locator('.board')).toBeVisible();
    await this.saved();
    return this;
  }

  /** Shows what others added to a table, once there is something. */
  async shows(table: 'practices' | 'ideas' | 'plans', text: string): Promise<void> {
    const waiting = this.page.locator(`[data-waiting=${table}]`);
    const found = this.page.locator(`.${table}`).getByText(text);
    await expect(async () => {
      if (await waiting.isVisible()) await waiting.click();
      await expect(found.first()).toBeVisible({ timeout: 250 });
    }).toPass({ timeout: 15_000 });
  }

  /** The server has confirmed everything that was done here. */
  async saved(): Promise<void> {
    const sign = this.page.locator('[data-saving]');
    await expect(sign).toHaveAttribute('data-saving', 'saved');
    await expect(sign).toHaveAttribute('data-connection', 'online');
  }

  /** Every rule of axe, on the page as it stands; nothing scrolls sideways; nothing was amiss. */
  async audit(): Promise<void> {
    await this.page.evaluate(AXE);
    const violations = await this.page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run(): Promise<{ violations: Violation[] }> };
      };
      interface Violation {
        id: string;
        help: string;
        nodes: { html: string; failureSummary?: string }[];
      }
      const { violations } = await axe.run();
      return violations.map(
        ({ id, help, nodes }) =>
          `${id}: ${help}\n${nodes.map((n) => `  ${n.html}\n  ${n.failureSummary ?? ''}`).join('\n')}`,
      );
    });
    expect(violations.join('\n\n')).toBe('');
    const overflow = await this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow, 'the page scrolls sideways').toBeLessThanOrEqual(0);
    expect(this.complaints).toEqual([]);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
