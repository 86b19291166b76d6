// The real binary, serving the demonstration event from a folder of its own.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BINARY =
  process.env['SANGAM_BIN'] ??
  fileURLToPath(new URL('../../../target/release/sangam', import.meta.url));

export type Role = 'participant' | 'facilitator' | 'organiser' | 'screen';

interface Link {
  role: Role;
  site: string | null;
  url: string;
  token: string;
}

export class Server {
  private child!: ChildProcess;
  private ended!: Promise<unknown>;
  private links: Link[] = [];
  /** `http://127.0.0.1:port` */
  origin = '';

  private constructor(readonly data: string) {}

  static async start(): Promise<Server> {
    const server = new Server(mkdtempSync(join(tmpdir(), 'sangam-browser-')));
    await server.spawn('127.0.0.1:0');
    const args = ['links', 'demo', '--json', '--data', server.data];
    const { stdout } = await promisify(execFile)(BINARY, args);
    server.links = (JSON.parse(stdout) as { links: Link[] }).links;
    return server;
  }

  private async spawn(listen: string): Promise<void> {
    const args = ['demo', '--listen', listen, '--data', this.data];
    this.child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.ended = once(this.child, 'exit');
    const lines = createInterface({ input: this.child.stdout! });
    this.origin = await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /^listening on (http:.*)$/.exec(line);
        if (found?.[1]) resolve(found[1]);
      });
      lines.on('close', () => reject(new Error('the server ended before it listened')));
    });
  }

  /** SIGKILL: no farewell, no flush. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** The same port and folder again. */
  async revive(): Promise<void> {
    await this.spawn(new URL(this.origin).host);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  /** What stands on the wall, or in a facilitator's mail. */
  link(role: Role, site?: string): string {
    const found = this.links.find((link) => link.role === role && (!site || link.site === site));
    if (!found) throw new Error(`no link for ${role} at ${site}`);
    return found.url;
  }
}
