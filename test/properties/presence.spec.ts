import { test } from '@jest/globals';
import fc from 'fast-check';
import { Oracle } from '../oracle/oracle.js';
import { agree, stateByRules, stateOf, told, transitionsByRules } from './agreement.js';
import { check } from './check.js';
import { decideAgain } from './decide-again.js';
import { allFeatures, clients, histories } from './histories.js';
import { type Batching, runLive, transitionsOf } from './live.js';
import { MemoryLane } from './memory-lane.js';
import { start } from './story.js';

const batching: fc.Arbitrary<Batching> = fc.record({
  seed: fc.nat(),
  size: fc.integer({ min: 1, max: 30 }),
  failing: fc.integer({ min: 2, max: 60 }),
});
/** Few, for the fleet is small: a transaction that writes that one turned offline leaves two others owed. */
const turns = fc.constantFrom(1, 1, 2, Infinity);

test('R1–R8, R16, R19, R20, G1, G3, G7, G8, G11: live intake, rebuild and the oracle agree on every history', async () => {
  const property = fc.asyncProperty(histories(allFeatures), batching, turns, async (entries, batching, turns) => {
    const lane = new MemoryLane(turns);
    await runLive(entries, lane, batching);
    const judged = new Oracle(entries).judge();
    const live = told(transitionsOf(lane.log.flatMap((item) => ('fact' in item ? [item.fact] : []))));
    agree('The oracle says otherwise than live intake.', entries, live, told(transitionsByRules(judged)));
    const state = stateOf(lane.presence, clients);
    agree('The oracle ends in another state.', entries, state, stateByRules(judged, clients));
    agree('A rebuild differs.', entries, stateOf(lane.rebuild().presence, clients), state);
    const ticks = entries.filter(({ type }) => type === 'tick').map(({ at }) => at);
    const again = told(transitionsOf(decideAgain(lane.log, ticks, entries.at(-1)?.at ?? start)));
    agree('Decided again from the log, it comes out differently.', entries, again, live);
  });
  await check(property);
}, 7_200_000);
