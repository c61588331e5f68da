import { setTimeout as sleep } from 'node:timers/promises';
import type { Step, TableCase } from './case.js';
import type { Checks } from './checks.js';
import type { TestClient } from './client.js';
import type { WorkReply } from './shapes.js';
import type { World } from './world.js';

/** Plays a table case: its client registers, goes through `before` and `when`, and is compared with `then`. */
export const play = async (world: World, checks: Checks, { given, when, then }: TableCase): Promise<void> => {
  const client = await world.client(given);
  for (const step of given.before ?? []) await take(client, step);
  const [before, storyBefore] = [await client.view(), await client.story()];
  let reply: WorkReply | undefined;
  for (const step of when) reply = (await take(client, step)) ?? reply;
  checks.equal('the transitions', (await client.story()).slice(storyBefore.length), then.story);
  if (then.reply) checks.match('the reply', reply, then.reply);
  if (!(await client.isListed())) return;
  const after = await client.view();
  if (then.view) checks.match('the client', after, then.view);
  if (then.limit === 'none') checks.equal('offlineAt', after.offlineAt, null);
  if (then.limit === 'unmoved') checks.equal('offlineAt', after.offlineAt, before.offlineAt);
  if (then.limit === 'moved') {
    const isLater = Date.parse(after.offlineAt ?? '') > Date.parse(before.offlineAt ?? '1970-01-01');
    checks.ok('offlineAt', isLater, `later than ${before.offlineAt}`, after.offlineAt);
  }
};

const take = async (client: TestClient, step: Step): Promise<WorkReply | undefined> => {
  if ('send' in step) return client.send(step.send, step.payload);
  if ('until' in step) await client.untilStatus(step.until);
  if ('wait' in step) await sleep(step.wait * 1000);
  if ('set' in step) await client.set(step.set);
  return undefined;
};
