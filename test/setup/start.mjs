import { sharedPostgresVariable, startTestPostgres } from '#embedded';

/** One Postgres for the whole run; each test file makes a database of its own in it. */
export default async () => {
  const server = await startTestPostgres();
  globalThis.reachbackTestPostgres = server;
  process.env[sharedPostgresVariable] = server.url;
};
