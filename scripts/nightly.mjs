// `npm run test:nightly`: what takes longer than `npm test` may: 100,000 random histories, or REACHBACK_HISTORIES, and a
// million bad inputs, or REACHBACK_FUZZ_INPUTS; and a server that is killed twenty times, or REACHBACK_KILLS. REACHBACK_SEED repeats the run that printed it.
process.env['REACHBACK_HISTORIES'] ??= '100000';
process.env['REACHBACK_FUZZ_INPUTS'] ??= '1000000';
process.env['REACHBACK_KILLS'] ??= '20';
process.env['REACHBACK_SEED'] ??= String(Date.now() % 0x7fff_ffff);
process.argv.push('test/properties', 'test/fuzz', 'test/chaos/server-killed');
await import('./test.mjs');
