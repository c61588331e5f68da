/** Stops what start.mjs started. */
export default async () => {
  await globalThis.reachbackTestPostgres?.stop();
};
