import { Bench, type Benchmark } from '../bench.js';
import { fleetPrefix, seedFleet } from '../fleet/fleet.js';
import { memberOf } from '../fleet/members.js';
import { clientId } from '../fleet/names.js';
import { costOfBeat, cpuMicrosPer, ratesBetween, read, type Reading } from '../heartbeats/window.js';
import { assertSpread } from '../load/spread.js';
import type { AccessCost } from '../result.js';
import { percentile, round } from '../statistics.js';
import { type Access, accesses } from '../system/access.js';
import { orderly, startNodeChild } from '../system/child.js';
import { Cleanup } from '../system/cleanup.js';
import { residentBytes } from '../system/cpu.js';
import { type Server, startServer } from '../system/server.js';
import { startStack } from '../system/stack.js';
import type { AgentsOffer, AgentsOrder, AgentsReport } from './agents-protocol.js';

const main = new URL('./agents-main.js', import.meta.url);
/** Credentials take ten milliseconds each to make. */
const connectionsOf = (bench: Bench): number => (bench.options.quick ? 200 : 1_000);
/** Far more than as many agents send, and few enough that NATS 2.9 does not stall when they are purged. */
const beatsPerSecond = 1_000;
const underWay = 256;
const pollsPerSecond = 500;
const settleSeconds = 2;

/**
 * The same agents, each with a connection and credentials of its own and speaking for itself alone, at a broker and a
 * server that are open, that ask everybody who he is, and that do so over TLS: one after the other, each time with a
 * broker, a database and a server that are new.
 */
export const access: Benchmark = {
  seconds: { full: 210, quick: 90 },
  run: async (bench) => {
    const costs: AccessCost[] = [];
    for (const kind of accesses) {
      const own = new Cleanup();
      const end = bench.cleanup.add(() => own.run());
      bench.progress.say(`${kind}: starting a broker, a database and a server`);
      costs.push(await measure(bench, own, kind).finally(end));
      bench.result.access = costs;
    }
  },
};

const measure = async (whole: Bench, own: Cleanup, kind: Access): Promise<AccessCost> => {
  const { options, progress, result, signal } = whole;
  const connections = connectionsOf(whole);
  const stack = await startStack(own, progress.say, { access: kind });
  const bench = new Bench({ ...options, access: kind }, stack, own, progress, result, signal);
  await seedFleet(stack.db, { prefix: fleetPrefix, count: connections, member: memberOf }, () => undefined);
  const server = await startServer(own, stack);
  const agents = startAgents(own);
  progress.say(`${kind}: making credentials`);
  const order = connectOrder(bench);
  const bytesBefore = await residentBytes(stack.natsPid);
  progress.say(`${kind}: ${connections} agents connect`);
  const { took } = await agents(order);
  const bytesAfter = await residentBytes(stack.natsPid);
  const isKnown = bytesBefore !== undefined && bytesAfter !== undefined;
  return {
    access: kind,
    connections,
    connectP50: round(percentile(took, 0.5), 2),
    connectP99: round(percentile(took, 0.99), 2),
    brokerBytesPerConnection: isKnown ? round((bytesAfter - bytesBefore) / connections) : null,
    beats: await measureBeats(bench, server, agents),
    ...(await measurePolls(bench, server, agents)),
  };
};

type Agents = (order: AgentsOrder) => Promise<AgentsReport>;

/** @throws with what an agent was refused */
const startAgents = (cleanup: Cleanup): Agents => {
  const order = orderly<AgentsOrder, AgentsReport>(startNodeChild(cleanup, { main }));
  return async (what) => {
    const report = await order(what);
    if (report.errors.length > 0) throw new Error(`Agents were refused: ${report.errors.slice(0, 3).join('; ')}`);
    return report;
  };
};

const connectOrder = (bench: Bench): AgentsOrder => {
  const { door, broker } = bench.stack;
  const connections = connectionsOf(bench);
  const ids = Array.from({ length: connections }, (_, i) => clientId(fleetPrefix, i));
  const credentials = ids.map(door.agent).filter((one) => one !== undefined);
  const { url, ca } = broker;
  return { type: 'connect', broker: { url, ca }, prefix: fleetPrefix, count: connections, credentials };
};

const look = (bench: Bench, server: Server, agents: Agents): Promise<Reading> =>
  read(bench, { server, beats: { report: () => agents({ type: 'report' }) } });

const measureBeats = async (bench: Bench, server: Server, agents: Agents): Promise<AccessCost['beats']> => {
  assertSpread(beatsPerSecond, connectionsOf(bench));
  bench.progress.say(`${bench.options.access}: ${beatsPerSecond} beats/s`);
  await agents({ type: 'rate', perSecond: beatsPerSecond });
  await bench.pause(settleSeconds);
  const from = await look(bench, server, agents);
  await bench.pause(bench.seconds(20, 8));
  const to = await look(bench, server, agents);
  await agents({ type: 'rate', perSecond: 0 });
  const { cpuMicrosPerBeat } = costOfBeat(from, to);
  return { perSecond: round(ratesBetween(from, to).committed), cpuMicrosPerBeat };
};

const measurePolls = async (
  bench: Bench,
  server: Server,
  agents: Agents,
): Promise<Pick<AccessCost, 'polls' | 'pollP50' | 'pollP99'>> => {
  const seconds = bench.seconds(15, 5);
  const poll = (offer: AgentsOffer, during = seconds) => agents({ type: 'poll', offer, seconds: during });
  bench.progress.say(`${bench.options.access}: polls, ${underWay} under way at a time`);
  await poll({ underWay }, settleSeconds);
  const from = await look(bench, server, agents);
  const most = await poll({ underWay });
  const to = await look(bench, server, agents);
  bench.progress.say(`${bench.options.access}: ${pollsPerSecond} polls/s`);
  const { took, refused } = await poll({ perSecond: pollsPerSecond });
  return {
    polls: {
      perSecond: round(most.took.length / seconds),
      cpuMicrosPerPoll: cpuMicrosPer(most.took.length, from, to),
      refused: most.refused + refused,
    },
    pollP50: round(percentile(took, 0.5), 2),
    pollP99: round(percentile(took, 0.99), 2),
  };
};
