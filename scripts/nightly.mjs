// `npm run test:nightly`: what takes longer than `npm test` may: 100,000 random histories, or REACHBACK_HISTORIES, and a
// million bad inputs, or REACHBACK_FUZZ_INPUTS; a server that is killed twenty times, or REACHBACK_KILLS; every page of
// clients; and lanes that are taken over within ten seconds. REACHBACK_SEED repeats the run that printed it. One file after
// the other: what is timed here has the machine to itself.
const { env } = process;
env['REACHBACK_HISTORIES'] ??= '100000';
env['REACHBACK_FUZZ_INPUTS'] ??= '1000000';
env['REACHBACK_KILLS'] ??= '20';
env['REACHBACK_LISTS'] ??= 'all';
env['REACHBACK_TAKE_OVER_LIMIT'] ??= '10000';
env['REACHBACK_SEED'] ??= String(Date.now() % 0x7fff_ffff);
console.log(
  `${env['REACHBACK_HISTORIES']} histories, ${env['REACHBACK_FUZZ_INPUTS']} bad inputs, ${env['REACHBACK_KILLS']} kills, with REACHBACK_SEED=${env['REACHBACK_SEED']}. ` +
    'Once it runs, each says every half minute how far it is and how long the rest will take.',
);
const files = ['test/properties', 'test/fuzz', 'test/chaos/server-killed', 'test/chaos/lanes', 'test/lists/pages'];
process.argv.push('--runInBand', ...files);
await import('./test.mjs');
