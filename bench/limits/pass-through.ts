import { Source } from '#intake';
import type { Bench } from '../bench.js';
import { startBeats } from '../load/beats.js';
import { round } from '../statistics.js';
import { takeAtMost, withContactStream } from './contact-stream.js';

/** More than two cores can pass on. */
const tooMuch = 300_000;
const settleSeconds = 2;

/**
 * Beats a second that go from the load through the broker to our source while nothing is done with them: no intake can be
 * faster on a machine that has all three on it.
 */
export const measurePassThrough = async (bench: Bench): Promise<number> =>
  withContactStream(bench.stack, async (manager) => {
    const { nats, broker } = bench.stack;
    bench.progress.say('passing beats through the broker');
    const beats = await startBeats(bench.cleanup, { broker, prefix: 'limit', count: bench.options.clients });
    const source = await Source.open(nats, manager, { sequence: 1 });
    let passed = 0;
    const reading = readOn(source, (messages) => (passed += messages));
    await beats.setRate(tooMuch);
    await bench.pause(settleSeconds);
    const [before, start] = [passed, performance.now()];
    await bench.pause(bench.seconds(8, 3));
    const perSecond = (passed - before) / ((performance.now() - start) / 1000);
    await beats.stop();
    source.end(new Error('The benchmark is over.'));
    await reading;
    return round(perSecond);
  });

/** Until the source ends, or the broker with it. */
const readOn = async (source: Source, count: (messages: number) => void): Promise<void> => {
  try {
    for (;;) count((await source.take(takeAtMost)).length);
  } catch {
    return;
  }
};
