// Opens the event's stage. A chunk of its own: most pages do without.

import * as Y from 'yjs';
import { Stage } from '../board/stage';
import { SangamProvider } from '../sync/provider';

const open = new Map<string, Stage>();

/** One connection a page, however many of its parts follow the stage. */
export function openStage(documentId: string): Stage {
  const known = open.get(documentId);
  if (known) return known;
  const stage = connect(documentId);
  open.set(documentId, stage);
  return stage;
}

function connect(documentId: string): Stage {
  const doc = new Y.Doc();
  const url = new URL(`/sync/${documentId}`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const provider = new SangamProvider({
    url: url.href,
    documentId,
    doc,
    // Only the server writes here: nothing is ever refused.
    replaced: () => undefined,
  });
  // Five hundred people read it; none of them has to be seen there.
  provider.awareness.setLocalState(null);
  return new Stage(doc);
}
