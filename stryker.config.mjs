// `npm run mutation`: changes the rules one operator at a time, and looks whether a test notices.
export default {
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: { configFile: 'jest.unit.config.js' },
  coverageAnalysis: 'perTest',
  mutate: [
    'libs/domain/src/**/*.ts',
    'libs/intake/src/{apply-fact,batch,cause,contact-limiter,lane-presence,members,owed-turns,policies,process,replay,wheel}.ts',
    '!**/*.spec.ts',
    '!**/index.ts',
  ],
  ignorePatterns: ['/dist', '.reachback', 'coverage', 'bench', 'docs', 'conformance'],
  concurrency: 2,
  // Generous, so that a busy machine does not make a slow test look like an endless loop: a time-out counts as noticed.
  timeoutMS: 15_000,
  incremental: true,
  reporters: ['clear-text', 'progress', 'html'],
  thresholds: { high: 95, low: 90, break: 90 },
  tempDirName: '.stryker-tmp',
};
