import { describe, expect, test } from '@jest/globals';
import type { NewFact } from '#contracts';
import { direct, lane, second } from '../../../test/helpers/lane.js';
import { because } from './cause.js';

const ids = ['a', 'b', 'c', 'd'] as const;
const nobody = { heartbeat: { enabled: false }, poll: { enabled: false } };
/** Of the settings that a test changes, after the networks, the first settings and the registrations. */
const lastPosition = 3 + ids.length;

/** Four clients that spoke in the same moment, and a transaction that writes so many turns. */
const silent = (turns: number) => {
  const fleet = lane();
  for (const id of ids) fleet.client(id);
  for (const id of ids) fleet.contact(id, 'heartbeat');
  const emit = (fact: NewFact) => fleet.emitted.push(fact);
  const begin = () => {
    fleet.presence.begin(turns);
    fleet.presence.writeOwed(emit);
  };
  const offline = () => fleet.transitions().filter((turn) => !turn.includes('/Online'));
  begin();
  return { ...fleet, begin, offline };
};
const verdictOf = (id: string) => `${id} Unreachable/Offline silence +3`;

describe('turns to offline that are owed', () => {
  test('R5: a transaction writes no more than it may; the rest is judged in the same moment, and written by the next', () => {
    const { presence, emitted, pass, begin, offline } = silent(2);
    pass(4 * second);
    expect(offline()).toHaveLength(2);
    expect(emitted.filter(({ type }) => type === 'lane-silence-judged')).toHaveLength(1);
    expect(presence.members.countStatuses()).toMatchObject({ 'Unreachable/Offline': 4 });
    begin();
    expect(offline().sort()).toEqual(ids.map(verdictOf));
    expect(presence.owed.isEmpty).toBe(true);
    pass(60 * second);
    begin();
    expect(offline()).toHaveLength(4);
  });

  test('R5: as many as a transaction may write are written at once, and nothing is said of a judgement', () => {
    const { emitted, pass, offline } = silent(4);
    pass(4 * second);
    expect(offline()).toHaveLength(4);
    expect(emitted.map(({ type }) => type)).not.toContain('lane-silence-judged');
  });

  test('R5: a contact that comes before the verdict is written does not cancel it', () => {
    const { pass, contact, transitions } = silent(1);
    pass(4 * second);
    for (const id of ids) contact(id, 'heartbeat');
    for (const id of ids) {
      const turns = transitions().filter((turn) => turn.startsWith(id));
      expect(turns.slice(1)).toEqual([verdictOf(id), `${id} Unreachable/Online heartbeat +4`]);
    }
  });

  test.each<[string, (fleet: ReturnType<typeof silent>) => void]>([
    ['an outage', ({ jump, pass }) => (jump(60 * second), pass(500))],
    ['a wider limit', ({ levelSettings }) => levelSettings({ offlineAfter: 'PT1H' })],
    ['a limit that holds for nobody', ({ levelSettings }) => levelSettings({ heartbeat: { enabled: false } })],
  ])('R5, G1, G3: %s that comes before the verdict is written does not change it', (_, happens) => {
    const fleet = silent(1);
    fleet.pass(4 * second);
    happens(fleet);
    ids.forEach(() => fleet.begin());
    expect(fleet.offline().sort()).toEqual(ids.map(verdictOf));
  });

  test('R1: who is classified anew meanwhile went offline in the network before', () => {
    const { presence, emitted, pass, transitions } = silent(1);
    pass(4 * second);
    for (const ordinal of ids.keys()) {
      presence.receiveAddresses(ordinal, direct, presence.clock, (fact) => emitted.push(fact));
    }
    for (const id of ids) {
      const turns = transitions().filter((turn) => turn.startsWith(id));
      expect(turns.slice(1)).toEqual([verdictOf(id), `${id} Offline network-changed +4`]);
    }
  });

  test('R7: who is removed meanwhile went offline before', () => {
    const { pass, given, transitions } = silent(1);
    pass(4 * second);
    for (const id of ids) given('client-removed', { cause: 'uninstalled', by: 'administrator' }, id);
    for (const id of ids) {
      const turns = transitions().filter((turn) => turn.startsWith(id));
      expect(turns.slice(1)).toEqual([verdictOf(id), `${id} Unreachable/Offline uninstalled +4`]);
    }
  });

  test('R5, G7: a replay that ends between two transactions owes what is not written, and judges by ticks who only polls', () => {
    const policy = { heartbeat: { enabled: false }, poll: { interval: 'PT1S' }, offlineAfter: 'PT3S' };
    const live = lane(policy);
    const replayed = lane(policy);
    for (const { client, contact } of [live, replayed]) {
      ids.forEach((id) => client(id));
      ids.forEach((id) => contact(id, 'poll'));
    }
    live.presence.begin(1);
    live.pass(4 * second);
    const written: NewFact[] = [];
    for (const fact of live.emitted.filter(({ meta }) => meta.actor === 'system')) {
      if (
        fact.type !== 'lane-silence-judged' &&
        !(fact.type === 'client-status-changed' && fact.data.cause === 'silence')
      )
        continue;
      replayed.presence.apply({ ...fact, position: 99n, lane: 0, id: '', recordedAt: new Date() }, () => undefined);
      written.push(fact);
    }
    expect(written.map(({ type }) => type)).toEqual(['client-status-changed', 'lane-silence-judged']);
    const rest: NewFact[] = [];
    replayed.presence.writeOwed((fact) => rest.push(fact));
    const silentOnes = [...written, ...rest].flatMap(({ client }) => client ?? []);
    expect(silentOnes.sort()).toEqual([...ids]);
    expect(rest).toHaveLength(3);
  });

  test('R7: who loses heartbeat and polling is offline at once; a transaction writes no more than it may, each with the time and the fact that led to it', () => {
    const { presence, begin, pass, transitions, levelSettings, emitted } = silent(1);
    pass(second);
    levelSettings(nobody);
    expect(presence.members.countStatuses()).toMatchObject({ 'Unreachable/Offline': 4 });
    const written = () => transitions().filter((turn) => turn.includes('policy-changed'));
    ids.forEach((_, i) => {
      expect(written()).toHaveLength(i + 1);
      pass(10 * second);
      begin();
    });
    expect(written().sort()).toEqual(ids.map((id) => `${id} Unreachable/Offline policy-changed +1`));
    const causes = emitted.flatMap(({ type, meta }) => (type === 'client-status-changed' ? [meta.causation] : []));
    expect(causes.slice(4)).toEqual(ids.map(() => String(lastPosition)));
  });

  test('R7, R6: who connects before it is written was offline first', () => {
    const { contact, levelSettings, transitions } = silent(1);
    levelSettings(nobody);
    for (const id of ids) {
      contact(id, 'start');
      const turns = transitions().filter((turn) => turn.startsWith(id));
      const [, ...after] = turns.map((turn) => turn.split(' ')[2]);
      expect(after).toEqual(['policy-changed', 'started', 'no-route']);
    }
  });

  test('R7: what led to it is what is said, whatever has it written', () => {
    const { presence, levelSettings, emitted } = silent(1);
    levelSettings(nobody);
    const emit = because({ causation: '99', correlation: 'c' }, (fact) => emitted.push(fact));
    for (const ordinal of ids.keys()) presence.settle(ordinal, presence.clock, emit);
    const causes = emitted.flatMap(({ type, meta }) => (type === 'client-status-changed' ? [meta.causation] : []));
    expect(causes.slice(4)).toEqual(ids.map(() => String(lastPosition)));
  });

  test('G1: who only polls is not judged by a time that no tick has reached', () => {
    const { presence, client, contact, transitions } = lane({
      heartbeat: { enabled: false },
      poll: { interval: 'PT1S' },
      offlineAfter: 'PT3S',
    });
    ids.forEach((id) => client(id));
    ids.forEach((id) => contact(id, 'poll'));
    const last = presence.clock;
    presence.judgeSilent(last + 4 * second, last + 3 * second);
    expect(presence.owed.isEmpty).toBe(true);
    presence.judgeSilent(last + 4 * second, last + 3_001);
    expect(presence.owed.isEmpty).toBe(false);
    expect(transitions()).toHaveLength(4);
  });
});
