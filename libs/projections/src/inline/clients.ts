import type { Fact, FactOf, FactType } from '#contracts';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { lastOfEach, ofType, rounds, runs } from './batches.js';
import { ensureGroups } from './ensure-groups.js';
import { removeGroup } from './groups.js';

/** Who is registered, and what each client says of itself. */
export const clients: InlineProjection = {
  name: 'clients',
  apply: (facts, tx) => {
    // Others' facts in between would cut the runs short: intake mixes address changes with thousands of transitions.
    const concerned = facts.filter((fact) => handled.has(fact.type));
    for (const run of runs(concerned, (fact) => fact.type)) applyRun(run, tx);
  },
};

const handled: ReadonlySet<FactType> = new Set([
  'client-registered',
  'client-reinstalled',
  'client-reported',
  'client-addresses-changed',
  'client-edited',
  'client-removed',
  'group-removed',
]);

const applyRun = (run: readonly Fact[], tx: Transaction): void => {
  switch (run[0]?.type) {
    case 'client-registered':
      return register(ofType(run, 'client-registered'), tx);
    case 'client-reinstalled':
      return reinstall(ofType(run, 'client-reinstalled'), tx);
    case 'client-reported':
      return report(ofType(run, 'client-reported'), tx);
    case 'client-addresses-changed':
      return changeAddresses(ofType(run, 'client-addresses-changed'), tx);
    case 'client-edited':
      for (const fact of ofType(run, 'client-edited')) edit(fact, tx);
      return;
    case 'client-removed':
      return remove(ofType(run, 'client-removed'), tx);
    case 'group-removed':
      for (const fact of ofType(run, 'group-removed')) removeGroup(fact, tx);
      return;
    default:
      return;
  }
};

/** An id that comes back keeps its ordinal, and starts with nothing confirmed. */
const register = (facts: readonly FactOf<'client-registered'>[], tx: Transaction): void => {
  const last = lastOfEach(facts);
  ensureGroups([...new Set(last.map((fact) => fact.data.group))], tx);
  send(tx)`
    INSERT INTO client (id, lane, ordinal, name, group_path, labels, ips, agent_version, installed, registered_at)
    SELECT id, lane, ordinal, name, group_path, labels::jsonb,
           ARRAY(SELECT jsonb_array_elements_text(ips::jsonb)), agent_version, installed::jsonb, registered_at
    FROM unnest(
      ${last.map((fact) => fact.client ?? '')}::text[],
      ${last.map((fact) => String(fact.lane))}::smallint[],
      ${last.map((fact) => String(fact.data.ordinal))}::integer[],
      ${last.map((fact) => fact.data.name)}::text[],
      ${last.map((fact) => fact.data.group)}::text[],
      ${last.map((fact) => JSON.stringify(fact.data.labels))}::text[],
      ${last.map((fact) => JSON.stringify(fact.data.ips))}::text[],
      ${last.map((fact) => fact.data.agentVersion)}::text[],
      ${last.map((fact) => JSON.stringify(fact.data.installed))}::text[],
      ${last.map((fact) => fact.recordedAt.toISOString())}::timestamptz[]
    ) AS f (id, lane, ordinal, name, group_path, labels, ips, agent_version, installed, registered_at)
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, group_path = excluded.group_path, labels = excluded.labels, ips = excluded.ips,
      agent_version = excluded.agent_version, installed = excluded.installed, settings_revision = 0,
      registered_at = excluded.registered_at, removed_at = NULL`;
  awaitPresence(last, tx);
  forgetDeliveries(last, tx);
};

/** Offline until the lane has heard of it, so that lists have everybody; its class is not known before either. */
const awaitPresence = (facts: readonly FactOf<'client-registered'>[], tx: Transaction): void => send(tx)`
  INSERT INTO presence AS p (client_id, status, cause, since, group_path)
  SELECT id, 'Offline', 'registered', registered_at, group_path
  FROM unnest(
    ${facts.map((fact) => fact.client ?? '')}::text[],
    ${facts.map((fact) => fact.recordedAt.toISOString())}::timestamptz[],
    ${facts.map((fact) => fact.data.group)}::text[]
  ) AS f (id, registered_at, group_path)
  ON CONFLICT (client_id) DO UPDATE SET
    status = CASE p.network WHEN 'unreachable' THEN 'Unreachable/Offline' ELSE 'Offline' END,
    cause = excluded.cause, since = excluded.since, group_path = excluded.group_path`;

/** It has what it reports and nothing else; name, group and labels stay. */
const reinstall = (facts: readonly FactOf<'client-reinstalled'>[], tx: Transaction): void => {
  const last = lastOfEach(facts);
  send(tx)`
    UPDATE client c
    SET agent_version = coalesce(f.agent_version, c.agent_version), installed = f.installed::jsonb,
        settings_revision = coalesce(f.settings_revision, 0)
    FROM unnest(
      ${last.map((fact) => fact.client ?? '')}::text[],
      ${last.map((fact) => fact.data.agentVersion)}::text[],
      ${last.map((fact) => JSON.stringify(fact.data.installed))}::text[],
      ${last.map((fact) => fact.data.settingsRevision)}::bigint[]
    ) AS f (id, agent_version, installed, settings_revision)
    WHERE c.id = f.id`;
  forgetDeliveries(last, tx);
};

/** What was delivered to an earlier installation says nothing about this one. */
const forgetDeliveries = (facts: readonly Fact[], tx: Transaction): void =>
  send(tx)`SELECT forget_deliveries(${facts.map((fact) => fact.client ?? '')})`;

const report = (facts: readonly FactOf<'client-reported'>[], tx: Transaction): void => {
  for (const round of rounds(facts)) {
    send(tx)`
      UPDATE client c
      SET agent_version = coalesce(f.agent_version, c.agent_version),
          installed = coalesce(f.installed::jsonb, c.installed)
      FROM unnest(
        ${round.map((fact) => fact.client ?? '')}::text[],
        ${round.map((fact) => fact.data.agentVersion ?? null)}::text[],
        ${round.map((fact) => (fact.data.installed ? JSON.stringify(fact.data.installed) : null))}::text[]
      ) AS f (id, agent_version, installed)
      WHERE c.id = f.id`;
  }
};

const changeAddresses = (facts: readonly FactOf<'client-addresses-changed'>[], tx: Transaction): void => {
  const last = lastOfEach(facts);
  send(tx)`
    UPDATE client c SET ips = ARRAY(SELECT jsonb_array_elements_text(f.ips::jsonb))
    FROM unnest(
      ${last.map((fact) => fact.client ?? '')}::text[], ${last.map((fact) => JSON.stringify(fact.data.ips))}::text[]
    ) AS f (id, ips)
    WHERE c.id = f.id`;
};

/** A client in another group has other settings from this fact on, whatever revision it has confirmed. */
const edit = (fact: FactOf<'client-edited'>, tx: Transaction): void => {
  const { name, group, labels } = fact.data;
  const moved = group !== undefined;
  if (moved) ensureGroups([group], tx);
  send(tx)`
    UPDATE client SET
      name = ${name === undefined ? tx`name` : name},
      labels = ${labels === undefined ? tx`labels` : tx`${JSON.stringify(labels)}::text::jsonb`},
      group_path = ${moved ? group : tx`group_path`},
      own_revision = ${moved ? tx`${String(fact.position)}::bigint` : tx`own_revision`},
      moved_revision = ${moved ? tx`${String(fact.position)}::bigint` : tx`moved_revision`}
    WHERE id = ${fact.client}`;
  if (moved) send(tx)`UPDATE presence SET group_path = ${group} WHERE client_id = ${fact.client}`;
};

const remove = (facts: readonly FactOf<'client-removed'>[], tx: Transaction): void => {
  send(tx)`
    UPDATE client c SET removed_at = f.at
    FROM unnest(
      ${facts.map((fact) => fact.client ?? '')}::text[], ${facts.map((fact) => fact.recordedAt.toISOString())}::timestamptz[]
    ) AS f (id, at)
    WHERE c.id = f.id`;
};
