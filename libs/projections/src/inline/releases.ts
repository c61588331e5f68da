import type { Fact, FactOf } from '#contracts';
import { parseDuration } from '#domain';
import { type InlineProjection, send, type Transaction } from '#event-log';
import { placeGroups } from './place-groups.js';

/** The releases of each component; publishing one to a million clients writes this one row, and one for each it names. */
export const releases: InlineProjection = {
  name: 'releases',
  apply: (facts, tx) => {
    for (const fact of facts) applyOne(fact, tx);
  },
};

const applyOne = (fact: Fact, tx: Transaction): void => {
  switch (fact.type) {
    case 'release-published':
      return publish(fact, tx);
    case 'release-paused':
      send(tx)`UPDATE release SET paused_at = ${fact.recordedAt} WHERE id = ${fact.data.id}`;
      return;
    case 'release-held':
      send(tx)`
        UPDATE release SET held_at = ${fact.recordedAt}, held_reason = ${fact.data.reason},
          paused_at = coalesce(paused_at, ${fact.recordedAt})
        WHERE id = ${fact.data.id}`;
      return;
    case 'release-resumed':
      resume(fact, tx);
      return;
    case 'release-withdrawn':
      send(tx)`
        UPDATE release SET withdrawn_at = ${fact.recordedAt}, paused_at = NULL, held_at = NULL, held_reason = NULL
        WHERE id = ${fact.data.id}`;
      orderReleases(fact.data.id, tx);
      return;
    default:
      return;
  }
};

/** The time it was paused does not count for its rollout. Whoever resumes one that was held answers for it. */
const resume = ({ data, meta, recordedAt }: FactOf<'release-resumed'>, tx: Transaction): void => send(tx)`
  UPDATE release
  SET rollout_from = rollout_from + (${recordedAt}::timestamptz - paused_at), paused_at = NULL,
      owner_key = CASE WHEN held_at IS NULL THEN owner_key ELSE ${meta.key ?? null} END,
      held_at = NULL, held_reason = NULL
  WHERE id = ${data.id} AND paused_at IS NOT NULL`;

const publish = ({ data, meta, position, recordedAt }: FactOf<'release-published'>, tx: Transaction): void => {
  const over = data.rollout === null ? null : (parseDuration(data.rollout.over) ?? null);
  send(tx)`
    INSERT INTO release (id, position, component, version, url, sha256, size, target, deliver_by, published_at,
                         rollout_over, rollout_from, to_within, owner_key)
    VALUES (${data.id}, ${String(position)}, ${data.component}, ${data.version}, ${data.url}, ${data.sha256},
            ${data.size}, ${JSON.stringify(data.target)}::text::jsonb, ${data.deliverBy}, ${recordedAt},
            ${over}, ${recordedAt}, ${data.within}, ${meta.key ?? null})`;
  if ('clients' in data.target && data.target.clients) {
    send(tx)`
      INSERT INTO release_client (release, client_id)
      SELECT ${data.id}, client_id FROM unnest(${[...data.target.clients]}::text[]) AS n (client_id)
      ON CONFLICT DO NOTHING`;
  }
  if ('groups' in data.target || data.within !== null) placeGroups(tx);
  orderReleases(data.id, tx);
};

/** Decides anew which releases of a component can be the newest for somebody. */
const orderReleases = (id: string, tx: Transaction): void =>
  send(tx)`SELECT order_releases(component) FROM release WHERE id = ${id}`;
