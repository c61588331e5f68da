// `npm run test:nightly`: what takes longer than `npm test` may: 100,000 random histories, or REACHBACK_HISTORIES, and a
// million bad inputs, or REACHBACK_FUZZ_INPUTS; and a server that is killed twenty times, or REACHBACK_KILLS; and every page of clients. REACHBACK_SEED repeats the run that printed it.
const { env } = process;
env['REACHBACK_HISTORIES'] ??= '100000';
env['REACHBACK_FUZZ_INPUTS'] ??= '1000000';
env['REACHBACK_KILLS'] ??= '20';
env['REACHBACK_LISTS'] ??= 'all';
env['REACHBACK_SEED'] ??= String(Date.now() % 0x7fff_ffff);
console.log(
  `${env['REACHBACK_HISTORIES']} histories, ${env['REACHBACK_FUZZ_INPUTS']} bad inputs, ${env['REACHBACK_KILLS']} kills, with REACHBACK_SEED=${env['REACHBACK_SEED']}. ` +
    'Once it runs, each says every half minute how far it is and how long the rest will take.',
);
process.argv.push('test/properties', 'test/fuzz', 'test/chaos/server-killed', 'test/lists/pages');
await import('./test.mjs');
