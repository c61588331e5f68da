import { Source } from '#intake';
import type { Bench } from '../bench.js';
import { startBeats } from '../load/beats.js';
import { round } from '../statistics.js';
import { takeAtMost, withContactStream } from './contact-stream.js';

const clients = 10_000;

/** Beats a second that the stream gives to our source when nothing is done with them: intake cannot be faster. */
export const measureConsumeOnly = async (bench: Bench): Promise<number> =>
  withContactStream(bench.stack, async (manager) => {
    const { nats, broker } = bench.stack;
    bench.progress.say('filling a stream');
    const rounds = bench.seconds(60, 30);
    const beats = await startBeats(bench.cleanup, { broker, prefix: 'limit', count: clients, rounds });
    await beats.setRate(1_000_000);
    const { sent, stored } = await untilSent(bench, beats, rounds * clients);
    await beats.stop();
    if (stored < sent) throw new Error(`The broker stored ${stored} of ${sent} beats.`);
    bench.progress.say(`reading ${stored} beats`);
    const source = await Source.open(nats, manager, { sequence: 1 });
    const start = performance.now();
    for (let left = stored; left > 0;) left -= (await source.take(takeAtMost)).length;
    const seconds = (performance.now() - start) / 1000;
    source.end(new Error('The benchmark has read everything.'));
    return round(stored / seconds);
  });

const untilSent = async (bench: Bench, beats: Awaited<ReturnType<typeof startBeats>>, wanted: number) => {
  for (;;) {
    const { sent } = await beats.report();
    if (sent >= wanted) return beats.settle();
    await bench.pause(0.1);
  }
};
