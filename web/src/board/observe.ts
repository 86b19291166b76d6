// One observer for a whole board: gathers what changed and tells those who look at it, once a frame.

import * as Y from 'yjs';

export class Changes {
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly changed = new Set<string>();
  private scheduled = false;
  private readonly roots: [string, Y.AbstractType<unknown>][];

  constructor(
    doc: Y.Doc,
    private readonly schedule: (flush: () => void) => void = nextFrame,
  ) {
    this.roots = ['practices', 'ideas', 'clusters', 'plans'].map((name) => [
      name,
      doc.getMap(name) as Y.AbstractType<unknown>,
    ]);
    for (const [name, root] of this.roots) {
      root.observeDeep((events) => {
        for (const event of events) {
          const id = event.path[0];
          if (typeof id === 'string') {
            this.changed.add(id);
            // Order, cluster and tray are plain values of the row: they change what a list shows.
            if (event.path.length === 1) this.changed.add(name);
          } else {
            this.changed.add(name);
          }
        }
        this.later();
      });
    }
  }

  /** Calls when something with this id, or in this table, has changed. */
  subscribe(name: string, listener: () => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.listeners.delete(name);
    };
  }

  private later(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      const changed = [...this.changed];
      this.changed.clear();
      for (const name of changed) this.listeners.get(name)?.forEach((listener) => listener());
    });
  }
}

/** Once a frame; in a hidden tab, where there are no frames, a few times a second. */
function nextFrame(flush: () => void): void {
  if (document.hidden) setTimeout(flush, 250);
  else requestAnimationFrame(flush);
}
