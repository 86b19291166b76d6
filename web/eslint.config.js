import { defineConfig } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// Imports point down: pages → components → {board, sync, ui} → shared.
const layer = (folder, ...forbidden) => ({
  files: [`src/${folder}/**`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: forbidden.map((name) => ({
          group: [`**/${name}/*`],
          message: 'Imports point down.',
        })),
      },
    ],
  },
});

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'src/shared/schema.gen.ts'] },
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // Pages are plain files of one server: there is no router to resolve through.
      'svelte/no-navigation-without-resolve': 'off',
      // What lives long is owned by Yjs; maps and sets inside a derivation live for that derivation.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  layer('components', 'pages'),
  layer('board', 'pages', 'components', 'sync', 'ui', 'messages'),
  layer('sync', 'pages', 'components', 'board', 'ui', 'messages'),
  layer('ui', 'pages', 'components', 'board', 'sync'),
  layer('shared', 'pages', 'components', 'board', 'sync', 'ui', 'messages'),
);
