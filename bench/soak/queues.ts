import type { QueueItem } from '#contracts';
import type { Ask } from '../system/server.js';
import type { AgentState, Book } from './book.js';
import { idOf } from './members.js';
import { expectedQueue, hasOnlyItsOwn } from './oracle.js';
import type { Books } from './result.js';

const atOnce = 32;
const mostExamples = 5;
const progressEvery = 10_000;

/** Compares the queue of every client, as REST shows it, with the one that the oracle expects. */
export const compareQueues = async (
  ask: Ask,
  agents: readonly AgentState[],
  book: Book,
  told: (compared: number) => void,
): Promise<Books['queues']> => {
  let [next, items, wrong] = [0, 0, 0];
  const examples: string[] = [];
  const work = async (): Promise<void> => {
    for (let client = next++; client < agents.length; client = next++) {
      const agent = agents[client];
      if (!agent) return;
      const shown = await readQueue(ask, client);
      const expected = expectedQueue(client, agent, book, Date.now());
      items += shown.length;
      if (String(shown) !== String(expected)) {
        wrong++;
        if (examples.length < mostExamples) {
          examples.push(`${idOf(client)} shows [${shown.join(', ')}], expected [${expected.join(', ')}]`);
        }
      }
      if ((client + 1) % progressEvery === 0) told(client + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const strayDeliveries = agents.filter((agent, client) => !hasOnlyItsOwn(client, agent, book)).length;
  return { compared: agents.length, items, wrong, examples, strayDeliveries };
};

const readQueue = async (ask: Ask, client: number): Promise<readonly string[]> => {
  const { items } = await ask<{ items: readonly QueueItem[] }>('GET', `/v1/clients/${idOf(client)}/queue`);
  return items.map(({ kind, key, revision, state }) => `${kind} ${key} ${revision} ${state}`).sort();
};
