import { SingleBar } from 'cli-progress';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Link, openLink } from '#agent';
import { fleetInbox } from '#identity';
import { fleetCredentialsOf } from '../credentials.js';
import { Fleet, type FleetOptions } from './fleet.js';

export type SimulateOptions = FleetOptions & {
  readonly server: string;
  readonly keys?: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly connections: number;
  readonly seconds?: number;
};

const reportInterval = 1_000;

/** Drives a fleet until it is told to end, and shows how it goes. */
export const simulate = async (options: SimulateOptions): Promise<void> => {
  const stopping = new AbortController();
  // Every registration that waits to be tried again listens.
  setMaxListeners(0, stopping.signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  // Driven by `up --demo`: when that is gone, nobody would stop us.
  process.once('disconnect', () => stopping.abort());
  console.log(`${options.clients} clients over ${options.connections} connections to ${options.server}`);
  const links = await openLinks(options);
  const fleet = new Fleet(links, options, stopping.signal);
  if (options.seconds !== undefined) setTimeout(() => stopping.abort(), options.seconds * 1000).unref();
  // Whoever is registered speaks at once, while others still register.
  const running = fleet.run();
  await showRegistration(fleet, options.clients);
  await Promise.all([running, showRates(fleet, stopping.signal)]);
  await Promise.all(links.map((link) => link.close()));
  if (process.connected) process.disconnect();
};

const openLinks = async (options: SimulateOptions): Promise<readonly Link[]> => {
  const credentials = await fleetCredentialsOf(options.keys);
  const open = (i: number): Promise<Link> =>
    openLink({
      server: options.server,
      trust: { ca: options.ca, name: options.serverName },
      name: `simulated fleet ${i + 1}`,
      inbox: fleetInbox,
      credentials,
      told: (state) => {
        if (i === 0) console.log(state === 'connected' ? 'the broker is back' : 'the broker is away');
      },
      failed: ({ error }) => {
        if (i === 0) console.log(error);
      },
    });
  return Promise.all(Array.from({ length: Math.min(options.connections, options.clients) }, (_, i) => open(i)));
};

const showRegistration = async (fleet: Fleet, clients: number): Promise<void> => {
  const done = fleet.register();
  if (!process.stdout.isTTY) {
    await done;
    console.log(`registered ${fleet.counts.registered} of ${clients}`);
    return;
  }
  const bar = new SingleBar({
    format: 'registering {bar} {value}/{total} in {duration_formatted}, {eta_formatted} left',
  });
  bar.start(clients, 0);
  const timer = setInterval(() => bar.update(fleet.counts.registered), 100);
  await done;
  clearInterval(timer);
  bar.update(fleet.counts.registered);
  bar.stop();
};

/** A line a second: overwritten on a terminal, every ten seconds elsewhere. */
const showRates = async (fleet: Fleet, signal: AbortSignal): Promise<void> => {
  const isTerminal = process.stdout.isTTY;
  const interval = isTerminal ? reportInterval : 10 * reportInterval;
  let before = { ...fleet.counts };
  while (!signal.aborted) {
    await sleep(interval, undefined, { signal }).catch(() => undefined);
    const now = { ...fleet.counts };
    const perSecond = (key: keyof typeof now) => Math.round(((now[key] - before[key]) * 1000) / interval);
    const polls = now.polls - before.polls;
    const average =
      polls > 0 ? `${((now.pollMilliseconds - before.pollMilliseconds) / polls).toFixed(1)} ms each` : 'none';
    const text =
      `${now.registered} clients, ${perSecond('heartbeats')} beats/s, ${perSecond('polls')} polls/s (${average}), ` +
      `${now.applied} applied, ${now.errors} errors`;
    if (isTerminal) process.stdout.write(`\r\u001b[K${text}`);
    else console.log(text);
    before = now;
  }
  if (isTerminal) process.stdout.write('\n');
};
