import type { Fact, FactData, FactType, JsonObject, LaneKind, NewFact } from '#contracts';
import { LanePresence } from '../../libs/intake/src/lane-presence.js';

export const second = 1_000;
export const start = 1_795_425_000_000;
export const unreachable = ['10.0.0.1'];
export const direct = ['203.0.113.9'];

/** An item of `work-settled`: settings that the client acknowledged. */
export const settledSettings = {
  kind: 'settings',
  key: 'settings',
  release: null,
  outcome: 'applied',
  error: null,
  via: 'ack',
} as const;

/** The presence of one lane under test: given facts, when contacts and ticks come, then transitions. */
export const lane = (policy: JsonObject = { heartbeat: { interval: 'PT1S' }, offlineAfter: 'PT3S' }) => {
  const presence = new LanePresence();
  presence.watchAll();
  const emitted: NewFact[] = [];
  const emit = (fact: NewFact) => emitted.push(fact);
  let position = 0n;
  let now = start;
  const given = <T extends FactType>(type: T, data: FactData[T], client: string | null = null) => {
    position++;
    const fact = { type, data, client, meta: { actor: 'test' }, lane: 0, position, id: '', recordedAt: new Date(now) };
    presence.apply(fact as unknown as Fact, emit);
    presence.writeOwed(emit);
  };
  const levelSettings = (values: JsonObject) =>
    given('settings-changed', { level: { scope: 'fleet' }, patch: { reachback: {} }, values: { reachback: values } });
  const client = (id: string, ips: readonly string[] = unreachable) =>
    given(
      'client-registered',
      { ordinal: presence.members.count, name: null, group: '', labels: {}, ips, agentVersion: null, installed: {} },
      id,
    );
  const contact = (id: string, kind: LaneKind) => {
    const ordinal = presence.members.ordinalOf(id) ?? -1;
    const at = presence.advance(now, false, emit);
    presence.settle(ordinal, at, emit);
    presence.receive(ordinal, kind, at, emit);
  };
  /** Lets time pass with a tick every half second, as a running server does. */
  const pass = (milliseconds: number) => {
    for (const until = now + milliseconds; now < until;) {
      now = Math.min(now + 500, until);
      presence.advance(now, true, emit);
    }
  };
  /** Lets time pass without a message. */
  const jump = (milliseconds: number) => {
    now += milliseconds;
  };
  const transitions = () =>
    emitted.flatMap((fact) =>
      fact.type === 'client-status-changed'
        ? [`${fact.client} ${fact.data.status} ${fact.data.cause} +${(Date.parse(fact.data.at) - start) / second}`]
        : [],
    );
  given('networks-changed', { networks: [{ name: 'nat', ranges: ['10.0.0.0/8'] }] });
  presence.reclassification = undefined;
  levelSettings(policy);
  pass(500);
  now = start;
  presence.clock = start;
  presence.lastTick = start;
  return { presence, emitted, given, levelSettings, client, contact, pass, jump, transitions };
};
