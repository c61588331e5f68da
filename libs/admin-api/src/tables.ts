import { bigint, integer, jsonb, pgTable, smallint, text, timestamp } from 'drizzle-orm/pg-core';
import type { Cause, Status } from '#contracts';

/** The tables that lists are read from, as the migrations make them. */
export const client = pgTable('client', {
  id: text().primaryKey(),
  lane: smallint().notNull(),
  ordinal: integer().notNull(),
  name: text(),
  group: text('group_path').notNull(),
  labels: jsonb().$type<Record<string, string>>().notNull(),
  ips: text().array().notNull(),
  agentVersion: text('agent_version'),
  installed: jsonb().$type<Record<string, string>>().notNull(),
  settingsRevision: bigint('settings_revision', { mode: 'bigint' }).notNull(),
  registeredAt: timestamp('registered_at', { withTimezone: true }).notNull(),
  removedAt: timestamp('removed_at', { withTimezone: true }),
});

export const presence = pgTable('presence', {
  clientId: text('client_id').primaryKey(),
  status: text().$type<Status>().notNull(),
  cause: text().$type<Cause>().notNull(),
  since: timestamp({ withTimezone: true }).notNull(),
  network: text().$type<'direct' | 'unreachable'>().notNull(),
  networkName: text('network_name'),
});
