import { cpus, totalmem } from 'node:os';
import type { Machine } from '../result.js';
import type { Stack } from './stack.js';

/** Where the figures come from. */
export const describeMachine = async ({ db, nats }: Stack): Promise<Machine> => {
  const [row] = await db<{ server_version: string }[]>`SHOW server_version`;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres: row?.server_version ?? 'unknown',
    nats: nats.info?.version ?? 'unknown',
  };
};
