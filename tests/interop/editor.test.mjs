// A stock editor binding: CodeMirror 6 with y-codemirror.next over a stock provider, bound to the
// minutes, on a page without a browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Window } from '../../web/node_modules/happy-dom/lib/index.js';
import { Server, synced, until, Y } from './harness.mjs';

let server;
let editing;
let window;
before(async () => {
  window = new Window();
  const names = ['document', 'MutationObserver', 'HTMLElement', 'Node', 'getComputedStyle'];
  for (const name of [...names, 'requestAnimationFrame', 'cancelAnimationFrame']) {
    globalThis[name] = window[name];
  }
  globalThis.window = window;
  const [state, view, binding] = await Promise.all([
    import('../../web/node_modules/@codemirror/state/dist/index.js'),
    import('../../web/node_modules/@codemirror/view/dist/index.js'),
    import('../../web/node_modules/y-codemirror.next/src/index.js'),
  ]);
  editing = { ...state, ...view, ...binding };
  server = await Server.start();
});
after(async () => {
  await server.stop();
  // It keeps timers.
  await window.happyDOM.close();
});

function editor(provider) {
  const { EditorState, EditorView, yCollab } = editing;
  const text = provider.doc.getText('minutes');
  const manager = new Y.UndoManager(text);
  const state = EditorState.create({
    doc: text.toString(),
    extensions: [yCollab(text, provider.awareness, { undoManager: manager })],
  });
  const view = new EditorView({ state, parent: document.body });
  const type = (from, insert, to = from) => view.dispatch({ changes: { from, to, insert } });
  return { manager, text, type, view, says: () => view.state.doc.toString() };
}

test('two CodeMirror editors write the minutes together', async () => {
  const providers = [server.provider(0), server.provider(0, 'participant', 'bengaluru')];
  await Promise.all(providers.map(synced));
  const [one, two] = providers.map(editor);
  const start = one.says();
  one.type(0, '# Décisions 👍\n');
  await until(providers, () => two.says() === `# Décisions 👍\n${start}`, 'the first words');
  for (let i = 0; i < 30; i += 1) {
    one.type(2, 'a');
    two.type(two.says().length, 'ब');
    if (i % 10 === 9) two.type(0, '', 1);
  }
  const agreed = () => one.says() === two.says() && one.says().includes('ब'.repeat(30));
  await until(providers, agreed, 'agreement');
  assert.equal(one.says(), one.text.toString());
  two.manager.undo();
  await until(providers, () => one.says() === two.says() && !one.says().includes('ब'), 'undo');
  [one, two].forEach(({ view }) => view.destroy());
  providers.forEach((provider) => provider.destroy());
});
