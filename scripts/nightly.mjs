// `npm run test:nightly`: what takes longer than `npm test` may: 100,000 random histories, or REACHBACK_HISTORIES.
// REACHBACK_SEED repeats the run that printed it.
process.env['REACHBACK_HISTORIES'] ??= '100000';
process.env['REACHBACK_SEED'] ??= String(Date.now() % 0x7fff_ffff);
process.argv.push('test/properties');
await import('./test.mjs');
