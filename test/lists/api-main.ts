import { connect } from '@nats-io/transport-node';
import { drizzle } from 'drizzle-orm/postgres-js';
import pino from 'pino';
import { createAccess, startAdminApi } from '#admin-api';
import { createLanes } from '#contracts';
import { type Database, openDatabase } from '#event-log';
import { createMetrics } from '#metrics';

/** A statement that the API sent. */
export type Sent = { readonly query: string; readonly parameters: readonly unknown[] };
export type Started = { readonly port: number };

/**
 * The REST API alone, in a process of its own, since it cannot be loaded by Jest: forked with the addresses of database
 * and broker and a key, it says its port, and answers every message with what it has sent to Postgres since the last.
 */
const main = async ([url = '', servers = '', key = '']: readonly string[]): Promise<void> => {
  const sent: Sent[] = [];
  const open = (): Database => {
    const db = openDatabase({ url });
    // Read when a connection opens, so it must be there before the first.
    Object.assign(db.options, {
      debug: (_: number, query: string, parameters: readonly unknown[]) => sent.push({ query, parameters }),
    });
    return db;
  };
  const metrics = createMetrics({ version: 'test', roles: ['api'] });
  const log = pino({ level: 'silent' });
  const keys = new Map([['test', key]]);
  const { port } = await startAdminApi({
    db: open(),
    tables: drizzle(open()),
    nats: await connect({ servers }),
    lanes: createLanes(1),
    log,
    access: createAccess({ db: openDatabase({ url }), keys, log, refused: () => undefined }),
    contactDays: 7,
    checks: {},
    metrics,
    observer: metrics.http,
    host: '127.0.0.1',
    port: 0,
    trustedProxies: [],
    version: 'test',
  });
  process.on('message', () => process.send?.(sent.splice(0)));
  process.on('disconnect', () => process.exit());
  process.send?.({ port } satisfies Started);
};

void main(process.argv.slice(2));
