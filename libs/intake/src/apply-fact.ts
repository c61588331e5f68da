import { type Fact, type FactOf, policyKey } from '#contracts';
import { groupChain, isExpectedToSpeak, turnsOnGrant } from '#domain';
import { hashOf } from './addresses.js';
import { type Cause, causeOf } from './cause.js';
import type { Emit, LanePresence } from './lane-presence.js';

/**
 * What a fact of the log means for presence: one that others appended may lead to conclusions, which are emitted; one
 * that is presence's own conclusion restores on a replay what live intake had in memory after it.
 */
export const applyFact = (presence: LanePresence, fact: Fact, emit: Emit): void => {
  switch (fact.type) {
    case 'client-registered':
      return applyRegistered(presence, fact);
    case 'client-reinstalled':
      return withOrdinal(presence, fact, (ordinal) => {
        presence.members.reportRevision(ordinal, Number(fact.data.settingsRevision ?? 0));
      });
    case 'client-edited':
      return applyEdited(presence, fact);
    case 'client-removed':
      return applyRemoved(presence, fact, emit);
    case 'client-addresses-changed':
      return withOrdinal(presence, fact, (ordinal) => {
        presence.members.data.ipsHash[ordinal] = hashOf(fact.data.ips);
      });
    case 'client-status-changed':
      return applyStatus(presence, fact);
    case 'group-removed':
      return applyGroupRemoved(presence, fact);
    case 'settings-changed':
      return applySettings(presence, fact);
    case 'work-settled':
      return applySettled(presence, fact);
    case 'networks-changed':
      presence.setNetworks(fact.data.networks);
      presence.reclassification = { since: fact.recordedAt.getTime(), next: 0, cause: causeOf(fact) };
      return;
    case 'lane-silence-judged':
      presence.judgeSilent(Date.parse(fact.data.at), Date.parse(fact.data.tick));
      return;
    case 'lane-gap-observed':
      presence.outages[fact.data.away].add({ from: Date.parse(fact.data.from), to: Date.parse(fact.data.to) });
      return;
    default:
      return;
  }
};

const withOrdinal = ({ members }: LanePresence, fact: Fact, apply: (ordinal: number) => void): void => {
  const ordinal = fact.client === null ? undefined : members.ordinalOf(fact.client);
  if (ordinal !== undefined) apply(ordinal);
};

const applyRegistered = (presence: LanePresence, fact: FactOf<'client-registered'>): void => {
  const { members, policies } = presence;
  const { ordinal, ips, group } = fact.data;
  const id = fact.client ?? '';
  members.enter(ordinal, id);
  members.setRegistered(ordinal, true);
  members.data.group[ordinal] = members.groups.number(group);
  members.data.ipsHash[ordinal] = hashOf(ips);
  members.data.clockSkew[ordinal] = Number.NaN;
  members.data.reportedRevision[ordinal] = 0;
  presence.setNetworkOf(ordinal, ips);
  members.policies[ordinal] = policies.of(id, group);
  members.adoptPolicy(ordinal);
};

const applyEdited = (presence: LanePresence, fact: FactOf<'client-edited'>): void => {
  const { group } = fact.data;
  if (group === undefined) return;
  withOrdinal(presence, fact, (ordinal) => {
    presence.members.data.group[ordinal] = presence.members.groups.number(group);
    applyPolicy(presence, ordinal, fact, causeOf(fact));
  });
};

const applyRemoved = (presence: LanePresence, fact: FactOf<'client-removed'>, emit: Emit): void =>
  withOrdinal(presence, fact, (ordinal) => {
    presence.writeOwedOf(ordinal, emit);
    presence.members.setRegistered(ordinal, false);
    // The other removals are presence's own conclusions: their transitions are in the log beside them.
    if (fact.data.by === 'administrator') presence.turn(ordinal, false, 'uninstalled', fact.recordedAt.getTime(), emit);
  });

/** Whoever was in the group has the policy of another group from now on (R20). */
const applyGroupRemoved = (presence: LanePresence, fact: FactOf<'group-removed'>): void => {
  const { members, policies } = presence;
  const { path, moveClientsTo } = fact.data;
  policies.removeGroup(path);
  const concerned = members.groups.list.map((group) => groupChain(group).includes(path));
  const target = members.groups.number(moveClientsTo ?? '');
  const why = causeOf(fact);
  for (let ordinal = 0; ordinal < members.count; ordinal++) {
    if (!concerned[members.data.group[ordinal] ?? 0]) continue;
    members.data.group[ordinal] = target;
    applyPolicy(presence, ordinal, fact, why);
  }
};

const applyStatus = (presence: LanePresence, fact: FactOf<'client-status-changed'>): void =>
  withOrdinal(presence, fact, (ordinal) => {
    const { members } = presence;
    const { status, cause, network, networkName } = fact.data;
    const at = Date.parse(fact.data.at);
    const wasExpected = isExpectedToSpeak(members.networkOf(ordinal), members.grantOf(ordinal));
    members.setNetwork(ordinal, network, networkName);
    members.setOnline(ordinal, status === 'Online' || status === 'Unreachable/Online', at);
    if (cause === 'network-changed') presence.startLimit(ordinal, wasExpected, at);
    if (cause === 'inactive') presence.noteRemoval(at);
    presence.owed.settle(ordinal);
  });

const applySettings = (presence: LanePresence, fact: FactOf<'settings-changed'>): void => {
  const { level, patch, values } = fact.data;
  if (!(policyKey in patch)) return;
  const { members, policies } = presence;
  const why = causeOf(fact);
  policies.set(level, values);
  if (level.scope === 'client') {
    const ordinal = members.ordinalOf(level.id);
    if (ordinal !== undefined) applyPolicy(presence, ordinal, fact, why);
    return;
  }
  const concerned = members.groups.list.map(
    (group) => level.scope === 'fleet' || groupChain(group).includes(level.path),
  );
  for (let ordinal = 0; ordinal < members.count; ordinal++) {
    if (concerned[members.data.group[ordinal] ?? 0]) applyPolicy(presence, ordinal, fact, why);
  }
};

/**
 * A wider limit holds at once, a tighter one once the client has acknowledged it (G3). Who cannot stay online (R7), which
 * may be a whole fleet by one fact, is offline from now on; the log is told in slices.
 */
const applyPolicy = (presence: LanePresence, ordinal: number, fact: Fact, why: Cause): void => {
  const { members, policies } = presence;
  const at = fact.recordedAt.getTime();
  const before = members.grantOf(ordinal);
  const network = members.networkOf(ordinal);
  const policy = policies.of(members.idOf(ordinal), members.groupOf(ordinal));
  presence.tighten(ordinal, at, () => {
    members.policies[ordinal] = policy;
    members.data.policyRevision[ordinal] = Number(fact.position);
    members.addPolicy(ordinal);
    presence.startLimit(ordinal, isExpectedToSpeak(network, before), at);
  });
  const client = { online: members.isOnline(ordinal), network };
  for (const { cause } of turnsOnGrant(client, before, members.grantOf(ordinal))) {
    presence.owe(ordinal, { cause, why }, at);
  }
};

const applySettled = (presence: LanePresence, fact: FactOf<'work-settled'>): void => {
  const settings = fact.data.items.filter((item) => item.kind === 'settings');
  if (settings.length === 0) return;
  const applied = settings.filter((item) => item.outcome === 'applied').map((item) => Number(item.revision));
  withOrdinal(presence, fact, (ordinal) => {
    const { members } = presence;
    const revision = applied.length > 0 ? Math.max(...applied) : Number.NaN;
    members.reportRevision(ordinal, revision);
    if (applied.length === 0 || revision < (members.data.policyRevision[ordinal] ?? 0)) return;
    presence.tighten(ordinal, fact.recordedAt.getTime(), () => members.adoptPolicy(ordinal));
  });
};
