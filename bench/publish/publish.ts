import { createHash } from 'node:crypto';
import type { Benchmark } from '../bench.js';
import { drain } from '../heartbeats/window.js';
import type { Ask } from '../system/server.js';

export const component = 'bench-engine';

/** How long an administrator waits for a setting and a release that concern everybody, beside the fleet's beats. */
export const publish: Benchmark = {
  seconds: { full: 25, quick: 6 },
  run: async (bench) => {
    const fleet = await bench.fleet();
    await drain(bench, fleet, fleet.usualRate);
    const { ask } = fleet.server;
    const settingMs = await bench.time((i) => ask('PATCH', '/v1/settings', { bench: { turn: i } }));
    bench.progress.say(`a setting to all in ${settingMs} ms`);
    const releaseMs = await bench.time((i) => publishRelease(ask, `1.${i}`));
    bench.progress.say(`a release to all in ${releaseMs} ms`);
    bench.result.publishToAll = { clients: fleet.clients, ms: Math.max(settingMs, releaseMs), settingMs, releaseMs };
  },
};

/** Publishes a version to all clients. */
export const publishRelease = (ask: Ask, version: string): Promise<{ readonly id: string }> =>
  ask('POST', `/v1/components/${component}/releases`, {
    version,
    url: `https://updates.example/${component}-${version}`,
    sha256: createHash('sha256').update(version).digest('hex'),
    size: 1_048_576,
    target: { all: true },
  });
