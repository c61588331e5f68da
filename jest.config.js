// Nest 12 is ESM only, so Jest runs with --experimental-vm-modules and swc emits ES modules.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test', '<rootDir>/bench'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^#(contracts|domain|identity|event-log|enrolment|intake|responders|projections|notifier|metrics|admin-api|agent|embedded|tls)$':
      '<rootDir>/libs/$1/src/index.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/test/setup/start.mjs',
  testSequencer: '<rootDir>/test/setup/slowest-first.mjs',
  globalTeardown: '<rootDir>/test/setup/stop.mjs',
  maxWorkers: 3,
  testTimeout: 60_000,
};
