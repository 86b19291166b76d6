// The event's stage, as everybody reads it: what is open in each plan, and each board in numbers.
// The server alone writes it.

import type * as Y from 'yjs';
import type { BoardDigest, PlanDigest } from '../shared/schema.gen';

export class Stage {
  private readonly digests: Y.Map<string>;
  private readonly checks: Y.Map<string>;
  private readonly groups: Y.Map<string>;

  constructor(doc: Y.Doc) {
    this.digests = doc.getMap('digests');
    this.checks = doc.getMap('checks');
    this.groups = doc.getMap('groups');
  }

  /** What is open in a plan; undefined until the server has said so. */
  plan(id: string): PlanDigest | undefined {
    return parse<PlanDigest>(this.checks.get(id));
  }

  /** A board in numbers; undefined until the server has said so. */
  board(id: string): BoardDigest | undefined {
    return parse<BoardDigest>(this.digests.get(id));
  }

  /** Calls back whenever the groups that everybody sees, or those being prepared, have changed. */
  onGroups(which: 'published' | 'draft', listener: () => void): () => void {
    const heard = (event: Y.YMapEvent<string>) => {
      const keys = which === 'draft' ? ['draft'] : ['published', 'people'];
      if (keys.some((key) => event.keysChanged.has(key))) listener();
    };
    this.groups.observe(heard);
    return () => this.groups.unobserve(heard);
  }

  subscribe(listener: () => void): () => void {
    this.digests.observe(listener);
    this.checks.observe(listener);
    return () => {
      this.digests.unobserve(listener);
      this.checks.unobserve(listener);
    };
  }
}

function parse<T>(json: string | undefined): T | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as T);
}
