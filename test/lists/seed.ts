import { sharedPostgresVariable } from '#embedded';
import { type Database, ensurePartitions, openDatabase } from '#event-log';
import { openTestDatabase, type TestDatabase } from '../helpers/database.js';

export const clients = 40_000;
export const releaseId = '00000000-0000-4000-8000-000000000001';
export const verificationId = '00000000-0000-4000-8000-000000000002';
export const idOf = (i: number): string => `pc-${String(i).padStart(6, '0')}`;

const seeded = 'template_lists';
const seedingLock = 5_071_946;

/** A database of the test file's own with the fleet in it: a copy of one that the first to ask makes for the whole run. */
export const openSeededDatabase = async (): Promise<TestDatabase> => {
  const admin = openDatabase({ url: process.env[sharedPostgresVariable] ?? '', connections: 1 });
  try {
    await admin`SELECT pg_advisory_lock(${seedingLock})`;
    const [found] = await admin`SELECT datname FROM pg_database WHERE datname = ${seeded}`;
    if (!found) await makeSeeded(admin);
  } finally {
    await admin.end();
  }
  return openTestDatabase({ template: seeded });
};

/** It has its name when it is whole. */
const makeSeeded = async (admin: Database): Promise<void> => {
  const { db, url } = await openTestDatabase();
  await seedLists(db);
  await db.end();
  await admin`ALTER DATABASE ${admin(new URL(url).pathname.slice(1))} RENAME TO ${admin(seeded)}`;
};

/**
 * A fleet as rows, with what a list may meet: groups that lie together in the order of ids and groups that do not, labels
 * of half of the clients and of five, three clients of a status, queues and deliveries.
 */
const seedLists = async (db: Database): Promise<void> => {
  await db`INSERT INTO group_node (path, chain_revision) SELECT path, 0 FROM (
    SELECT 'site-' || s AS path FROM generate_series(0, 39) s
    UNION ALL SELECT 'site-' || s || '/' || kind FROM generate_series(0, 39) s, unnest(ARRAY['desktops', 'phones']) kind
  ) groups`;
  await db`
    INSERT INTO client (id, lane, ordinal, name, group_path, labels, ips, agent_version, installed, registered_at,
                        settings_revision)
    SELECT 'pc-' || lpad(i::text, 6, '0'), 0, i, 'PC ' || md5(i::text),
           'site-' || i / 1000 || '/' || (ARRAY['desktops', 'phones'])[1 + i % 2],
           jsonb_build_object('os', (ARRAY['windows', 'linux'])[1 + i % 2], 'room', 'r' || i % 1000)
             || CASE WHEN i % 8000 = 17 THEN '{"rare": "yes"}'::jsonb ELSE '{}' END,
           '{}', '1.0.0', '{"scan-engine": "1"}', now() - interval '1 day' + i * interval '1 second', i % 2
    FROM generate_series(0, ${clients - 1}::integer) i`;
  await db`
    INSERT INTO presence (client_id, status, cause, since, network, network_name, group_path)
    SELECT id, status, 'heartbeat', now() - interval '1 day' + (ordinal * 7919 % 86400) * interval '1 second',
           CASE WHEN status LIKE 'U%' THEN 'unreachable' ELSE 'direct' END,
           CASE WHEN status LIKE 'U%' THEN 'nat-' || ordinal % 7 END, group_path
    FROM (
      SELECT *, CASE WHEN ordinal % 13000 = 5 THEN 'Offline' WHEN ordinal % 10 < 5 THEN 'Online'
                     WHEN ordinal % 10 < 9 THEN 'Unreachable/Online' ELSE 'Unreachable/Offline' END AS status
      FROM client
    ) c`;
  await seedLog(db);
  await seedReleases(db);
  await db`
    INSERT INTO verification (id, position, reason, requested_by, started_at, finished_at, direct, skipped)
    VALUES (${verificationId}, 90001, 'on-demand', 'test', now(), now(), 0, 0)`;
  await seedEnrolments(db);
  await db`SELECT rebuild_counts()`;
  await db.unsafe('VACUUM ANALYZE');
};

const seedLog = async (db: Database): Promise<void> => {
  await db`
    INSERT INTO event (lane, position, id, type, schema_version, client_id, recorded_at, data, meta)
    SELECT 0, i + 1, gen_random_uuid(),
           CASE WHEN i % 1000 = 0 THEN 'update-started' ELSE 'client-status-changed' END, 1,
           'pc-' || lpad((i % ${clients}::integer)::text, 6, '0'), now() - interval '1 day' + i * interval '1 second',
           CASE WHEN i % 1000 = 0 THEN '{"trigger": "manual"}'::jsonb ELSE jsonb_build_object('at', now(), 'status',
             'Online', 'cause', 'heartbeat', 'network', 'direct', 'networkName', NULL) END,
           '{"actor": "agent"}'
    FROM generate_series(0, ${2 * clients - 1}::integer) i`;
  await db`
    INSERT INTO status_history (client_id, at, position, status, cause, counted)
    SELECT client_id, recorded_at, position, 'Online', 'heartbeat', 'Online' FROM event`;
  await db`
    INSERT INTO audit (position, at, actor, type, client_id, groups)
    SELECT position, recorded_at, 'admin:key-' || position % 7,
           CASE WHEN position % 100 = 0 THEN 'settings-changed' ELSE 'client-edited' END, client_id,
           group_chain('site-' || position % 40 || '/desktops')
    FROM event WHERE position % 2 = 0`;
  await ensurePartitions(db, Date.now() - 86_400_000);
  await db`
    INSERT INTO contact_chunk (lane, first_position, epoch, at, count, data)
    SELECT 0, 100000 + i * 10, 0, now() - i * interval '4 seconds', 10, decode(repeat('010000050000', 10), 'hex')
    FROM generate_series(0, 19999) i`;
  await db`UPDATE log_head SET position = 400000, lanes = 1`;
  await db`UPDATE lane SET clients = ${clients}`;
  await db`INSERT INTO projection_checkpoint (name, version, position) VALUES ('history', 2, 400000)`;
};

const seedReleases = async (db: Database): Promise<void> => {
  await db`
    INSERT INTO release (id, position, component, version, url, sha256, size, target, published_at, rollout_from)
    VALUES (${releaseId}, 90000, 'scan-engine', '2', 'https://updates.example/2', 'x', 1, '{"all": true}'::jsonb, now(), now())`;
  await db`SELECT order_releases('scan-engine')`;
  await db`
    INSERT INTO delivery (client_id, kind, key, revision, release, state, attempts, delivered_at)
    SELECT id, 'update', 'scan-engine', '2', ${releaseId},
           CASE WHEN ordinal % 100 = 1 THEN 'failed' WHEN ordinal % 10 = 1 THEN 'delivered' ELSE 'acknowledged' END, 1, now()
    FROM client WHERE ordinal % 2 = 1`;
};

/** Ten clients for each token; a key for each client, and two for one of them. Hardly anybody waits. */
const seedEnrolments = async (db: Database): Promise<void> => {
  await db`
    INSERT INTO enrolment_token (id, position, public_key, labels, uses, used, approval, created_by, created_at,
                                 expires_at, deleted_at)
    SELECT md5('token ' || i)::uuid, i, 'U' || i, '{}', 10, 10, false, 'admin:test', now(), now(),
           CASE WHEN i % 3 = 0 THEN now() END
    FROM generate_series(0, ${clients / 10}::integer) i`;
  await db`
    INSERT INTO enrolment (id, position, token, client_id, public_key, state, requested_at)
    SELECT md5('enrolment ' || ordinal)::uuid, ordinal, md5('token ' || ordinal / 10)::uuid, id, 'U' || ordinal,
           CASE WHEN ordinal % 9999 = 0 THEN 'pending' WHEN ordinal % 5000 = 1 THEN 'refused' ELSE 'approved' END, now()
    FROM client`;
  await db`
    INSERT INTO credential (public_key, client_id, enrolment, position, issued_at, expires_at, revoked_at)
    SELECT e.public_key || n, CASE WHEN n = 1 THEN e.client_id ELSE ${idOf(17)} END, e.id, e.position, now(), now(),
           CASE WHEN n = 2 THEN now() END
    FROM enrolment e, generate_series(1, 2) n WHERE n = 1 OR e.client_id = ${idOf(18)}`;
};
