import { svelte } from '@sveltejs/vite-plugin-svelte';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const PAGES = ['index', 'join', 'privacy', 'event', 'people', 'device', 'screen', 'board', '404'];

/** Pages that are small because they carry their own words alone, by the beginnings of their keys. */
const WORDS: Record<string, string[]> = { join: ['app.', 'join.', 'lang.', 'error.'] };

/** Writes `.br` and `.gz` beside everything that shrinks: the server sends them as they are. */
function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    writeBundle({ dir }) {
      if (!dir) return;
      for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg|json|txt)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        const bytes = readFileSync(file);
        const brotli = brotliCompressSync(bytes, {
          params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
        });
        if (brotli.length < bytes.length) writeFileSync(`${file}.br`, brotli);
        const gzip = gzipSync(bytes, { level: 9 });
        if (gzip.length < bytes.length) writeFileSync(`${file}.gz`, gzip);
      }
    },
  };
}

/** `fr.json?page=join`: of a language, the words of one page alone. */
function wordsOfOnePage(): Plugin {
  return {
    name: 'words-of-one-page',
    enforce: 'pre',
    resolveId(source, importer) {
      const [, file, page] = /^(.*\.json)\?page=(\w+)$/.exec(source) ?? [];
      // Not under the name of a JSON file, which others would want to read.
      if (file && page && importer) return `\0${resolve(dirname(importer), file)}.${page}.js`;
      return undefined;
    },
    load(id) {
      const [, file, page] = /^\0(.*\.json)\.(\w+)\.js$/.exec(id) ?? [];
      if (!file || !page) return undefined;
      this.addWatchFile(file);
      const all = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>);
      const own = all.filter(([key]) => WORDS[page]?.some((start) => key.startsWith(start)));
      return `export default ${JSON.stringify(Object.fromEntries(own))}`;
    },
  };
}

/** Builds `worker/sw.ts` into `/sw.js`, which knows every script and style of this build. */
function serviceWorker(): Plugin {
  const fileName = 'sw.js';
  return {
    name: 'service-worker',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'worker/sw.ts', fileName });
    },
    generateBundle(_, bundle) {
      const assets = Object.keys(bundle)
        .filter((name) => name.startsWith('assets/') && /\.(js|css)$/.test(name))
        .map((name) => `/${name}`)
        .sort();
      const build = createHash('sha256').update(assets.join()).digest('hex').slice(0, 12);
      const worker = bundle[fileName];
      if (worker?.type !== 'chunk') throw new Error('the service worker was not built');
      worker.code = worker.code
        .replace('__ASSETS__', JSON.stringify(assets))
        .replaceAll('__BUILD__', JSON.stringify(build))
        // A classic script, so that every browser runs it.
        .replace(/export\s*\{\s*\};?/, '');
    },
  };
}

export default defineConfig({
  plugins: [wordsOfOnePage(), svelte(), serviceWorker(), precompressed()],
  build: {
    target: 'es2022',
    // Small files would become inline data, which our content policy is right to distrust.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: Object.fromEntries(PAGES.map((page) => [page, `${page}.html`])),
    },
  },
});
