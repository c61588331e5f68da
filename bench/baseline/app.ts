import { Controller, Inject, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import postgres from 'postgres';

export const patterns = {
  transaction: 'baseline.*.heartbeat',
  loose: 'baseline-loose.*.heartbeat',
} as const;

const tables = `
  CREATE TABLE heartbeat_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id text NOT NULL,
    received_at timestamptz NOT NULL,
    data jsonb NOT NULL
  );
  CREATE INDEX ON heartbeat_event (client_id, received_at);
  CREATE TABLE client_presence (
    client_id text PRIMARY KEY,
    status text NOT NULL,
    last_seen timestamptz NOT NULL
  );
  CREATE INDEX ON client_presence (last_seen);`;

type Heartbeat = { readonly clientId?: string };

/**
 * One insert and one upsert per beat: what one would write first. In a transaction, since an event without its presence
 * would be a contradiction; and for comparison without one, where the driver sends many statements ahead.
 */
@Controller()
export class HeartbeatController {
  constructor(@Inject('db') private readonly db: postgres.Sql) {}

  @EventPattern(patterns.transaction)
  async heartbeat(@Payload() { clientId = '' }: Heartbeat): Promise<void> {
    await this.db.begin((tx) => store(tx, clientId));
  }

  @EventPattern(patterns.loose)
  async looseHeartbeat(@Payload() { clientId = '' }: Heartbeat): Promise<void> {
    await store(this.db, clientId);
  }
}

const store = async (db: postgres.Sql | postgres.TransactionSql, clientId: string): Promise<void> => {
  const now = new Date();
  await db`
    INSERT INTO heartbeat_event (client_id, received_at, data)
    VALUES (${clientId}, ${now}, ${JSON.stringify({ clientId })}::text::jsonb)`;
  await db`
    INSERT INTO client_presence (client_id, status, last_seen) VALUES (${clientId}, 'online', ${now})
    ON CONFLICT (client_id) DO UPDATE SET status = excluded.status, last_seen = excluded.last_seen`;
};

/** A pool of ten connections, as most libraries have by default. */
@Module({})
export class BaselineModule {
  static async connect(databaseUrl: string) {
    const db = postgres(databaseUrl, { max: 10, onnotice: () => undefined });
    await db.unsafe(tables);
    return { module: BaselineModule, controllers: [HeartbeatController], providers: [{ provide: 'db', useValue: db }] };
  }
}
