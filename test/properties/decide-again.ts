import type { Fact, NewFact } from '#contracts';
import { readChunk } from '#event-log';
import { LanePresence } from '#intake';
import { type LogItem, reclassify } from './memory-lane.js';

type Gap = { readonly from: number; readonly to: number; readonly away: 'broker' | 'server' };

/** How often somebody is heard while the server is away, in milliseconds. */
const pulseInterval = 500;

/**
 * Decides a log a second time: only what came from outside is taken from it (contacts, and the facts that others
 * appended), with the gaps that were observed, and everything that follows is concluded anew.
 *
 * The log keeps no ticks, so these are told; and no message of who is not on the list. While the server was away, somebody
 * was heard but in the gaps of the broker. A verdict tells that time had passed it: a message that changed nothing may
 * have come, and is not in the log.
 */
export const decideAgain = (log: readonly LogItem[], ticks: readonly number[], end: number): readonly NewFact[] => {
  const replay = new Replay(gapsIn(log), ticks);
  log.forEach((item, index) => {
    if ('chunk' in item) {
      readChunk(item.chunk.at, item.chunk.data, (ordinal, kind, at) => replay.contact(ordinal, kind, at));
    } else if (item.fact.type === 'client-addresses-changed') replay.addresses(item.fact, log.slice(index + 1));
    else if (isFromOutside(item.fact)) replay.fact(item.fact);
    else if (item.fact.type === 'lane-silence-judged') replay.judged(item.fact);
    else if (item.fact.type === 'client-status-changed') replay.passed(item.fact);
  });
  replay.passTo(end);
  return replay.concluded;
};

const isFromOutside = ({ type, data }: Fact): boolean => {
  switch (type) {
    case 'client-registered':
    case 'client-edited':
    case 'settings-changed':
    case 'networks-changed':
    case 'work-settled':
      return true;
    case 'client-removed':
      return data.by === 'administrator';
    default:
      return false;
  }
};

const gapsIn = (log: readonly LogItem[]): readonly Gap[] =>
  log.flatMap((item) => {
    if (!('fact' in item) || item.fact.type !== 'lane-gap-observed') return [];
    const { from, to, away } = item.fact.data;
    return [{ from: Date.parse(from), to: Date.parse(to), away }];
  });

type Pulse = { readonly at: number; readonly isTick: boolean };

const pulsesIn = ({ from, to }: Gap): readonly Pulse[] => {
  const pulses: Pulse[] = [];
  for (let at = from + pulseInterval; at < to; at += pulseInterval) pulses.push({ at, isTick: false });
  return pulses;
};

class Replay {
  readonly concluded: NewFact[] = [];
  private readonly presence = new LanePresence();
  private readonly ips = new Map<number, readonly string[]>();
  private readonly emit = (fact: NewFact) => void this.concluded.push(fact);
  /** What lets time pass, in order: ticks, and while the server was away, somebody else. */
  private readonly pulses: readonly Pulse[];
  private nextPulse = 0;

  constructor(
    private readonly gaps: readonly Gap[],
    ticks: readonly number[],
  ) {
    const others = gaps.filter(({ away }) => away === 'server').flatMap(pulsesIn);
    const heard = others.filter(({ at }) => !this.gapOf('broker', at));
    this.pulses = [...ticks.map((at) => ({ at, isTick: true })), ...heard].sort((a, b) => a.at - b.at);
    this.presence.watchAll();
  }

  contact(ordinal: number, kind: Parameters<LanePresence['receive']>[1], at: number): void {
    this.arrive(ordinal, at);
    this.presence.receive(ordinal, kind, at, this.emit);
  }

  /** Addresses are told by the contact that follows. */
  addresses(fact: Fact & { readonly type: 'client-addresses-changed' }, rest: readonly LogItem[]): void {
    const next = rest.find((item) => 'chunk' in item);
    const ordinal = this.presence.members.ordinalOf(fact.client ?? '') ?? -1;
    if (!next || !('chunk' in next)) throw new Error('No contact told these addresses.');
    this.arrive(ordinal, next.chunk.at);
    this.presence.receiveAddresses(ordinal, fact.data.ips, next.chunk.at, this.emit);
    this.ips.set(ordinal, fact.data.ips);
  }

  fact(fact: Fact): void {
    this.passTo(fact.recordedAt.getTime());
    const { presence } = this;
    presence.apply(fact, this.emit);
    presence.writeOwed(this.emit);
    if (fact.type === 'client-registered') this.ips.set(fact.data.ordinal, fact.data.ips);
    const removed = fact.type === 'client-removed' ? presence.members.ordinalOf(fact.client ?? '') : undefined;
    if (removed !== undefined) this.ips.delete(removed);
    const listed = [...this.ips].filter(([ordinal]) => presence.members.isRegistered(ordinal));
    reclassify(presence, new Map(listed), this.emit);
  }

  /** Somebody was heard, who may not be in the log; whoever was due is judged now, not when its verdict is written. */
  judged({ data: { at } }: Fact & { readonly type: 'lane-silence-judged' }): void {
    const heard = Date.parse(at);
    this.passTo(heard);
    for (let ordinal = 0; ordinal < this.presence.members.count; ordinal++) this.arrive(ordinal, heard);
  }

  passed({ client, data: { at, cause } }: Fact & { readonly type: 'client-status-changed' }): void {
    const due = Date.parse(at);
    if (cause !== 'silence' || due < this.presence.clock) return;
    this.passTo(due);
    this.arrive(this.presence.members.ordinalOf(client ?? '') ?? -1, this.heardFrom(due + 1));
  }

  /** When somebody can have been heard, at a time or after it: nobody is in a gap of the broker. */
  private heardFrom(at: number): number {
    return this.gapOf('broker', at)?.to ?? at;
  }

  /** Lets time pass up to a moment, as those who were heard made it pass. */
  passTo(at: number): void {
    for (let pulse = this.pulses[this.nextPulse]; pulse && pulse.at <= at; pulse = this.pulses[++this.nextPulse]) {
      this.passBrokerGaps(pulse.at - 1);
      this.presence.advance(pulse.at, pulse.isTick, this.emit);
    }
    this.passBrokerGaps(at);
  }

  /** Somebody was heard at the beginning of a gap, and at its end. */
  private passBrokerGaps(at: number): void {
    for (const { from, to, away } of this.gaps) {
      for (const heard of away === 'broker' ? [from, to] : []) {
        if (this.presence.clock < heard && heard <= at) this.presence.advance(heard, false, this.emit);
      }
    }
  }

  private gapOf(whose: Gap['away'], at: number): Gap | undefined {
    return this.gaps.find(({ from, to, away }) => away === whose && from < at && at < to);
  }

  private arrive(ordinal: number, at: number): void {
    this.passTo(at);
    this.presence.advance(at, false, this.emit);
    this.presence.settle(ordinal, at, this.emit);
  }
}
