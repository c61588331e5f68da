import { z } from 'zod';
import { type statuses } from '../facts.js';
import { groupPath } from '../payloads.js';
import { count, jsonObject, byStatus } from './common.js';

export const groupParams = z.object({ path: groupPath });
export const groupRemovalQuery = z.object({
  moveClientsTo: groupPath.optional().describe('the group for its clients; empty is the root'),
});
export const groupRemovalSchema = z.object({
  removedGroups: z.array(z.string()).describe('the group and those below it'),
  movedClients: count,
});
export type GroupRemoval = z.infer<typeof groupRemovalSchema>;
export type GroupNode = {
  path: string;
  name: string;
  total: number;
  byStatus: Record<(typeof statuses)[number], number>;
  children: GroupNode[];
};
export const groupTreeSchema = z
  .object({ path: z.string(), name: z.string(), total: count, byStatus, children: z.array(jsonObject) })
  .describe('a group with its counts, those below included; `children` are groups likewise');
