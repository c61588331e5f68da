import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Which of our libraries a library may import: the ones below it, never the ones beside or above.
 * `domain` and `contracts` depend on nothing of ours.
 */
const mayImport = {
  contracts: [],
  domain: [],
  tls: [],
  embedded: ['tls'],
  identity: ['contracts'],
  agent: ['contracts', 'domain', 'tls'],
  'event-log': ['contracts', 'domain'],
  projections: ['contracts', 'domain', 'event-log'],
  enrolment: ['contracts', 'domain', 'identity', 'event-log', 'projections'],
  intake: ['contracts', 'domain', 'event-log', 'projections'],
  responders: ['contracts', 'domain', 'event-log', 'projections', 'enrolment', 'intake'],
  notifier: ['contracts', 'domain', 'event-log', 'projections'],
  metrics: ['contracts', 'domain', 'event-log', 'projections', 'intake', 'responders', 'notifier'],
  'admin-api': ['contracts', 'domain', 'tls', 'identity', 'event-log', 'projections', 'enrolment', 'intake'],
};
const libraries = Object.keys(mayImport);

/** @param {string} library */
const dependencyDirection = (library) => ({
  files: [`libs/${library}/src/**/*.ts`],
  ignores: ['**/*.spec.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: libraries.filter((other) => !mayImport[library].includes(other)).map((other) => `#${other}`),
            message: `libs/${library} may import only: ${mayImport[library].join(', ') || 'nothing of ours'}.`,
          },
          {
            group: ['**/apps/**', '**/libs/**', '**/test/**', '**/bench/**'],
            message: 'Import a library by its #name.',
          },
        ],
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'coverage', '.reachback', '.stryker-tmp', 'reports'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/require-await': 'off',
      // send(tx)`…` is a call.
      '@typescript-eslint/no-unused-expressions': ['error', { allowTaggedTemplates: true }],
    },
  },
  {
    // Nest reads constructor types at run time, so they must be value imports there.
    files: ['apps/server/**/*.ts', 'libs/admin-api/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', setTimeout: 'readonly', fetch: 'readonly' },
    },
  },
  ...libraries.map(dependencyDirection),
);
