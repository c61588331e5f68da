import { type Fact, isAdministrative } from '#contracts';
import { groupChain } from '#domain';
import { type InlineProjection, send, type Transaction } from '#event-log';

/** What administrators did, by who, what, when, and about whom; what it was stands in the log. */
export const audit: InlineProjection = {
  name: 'audit',
  apply: async (facts, tx) => {
    for (const fact of facts) if (isAdministrative(fact.meta)) await note(fact, tx);
  },
};

const note = async (fact: Fact, tx: Transaction): Promise<void> => {
  const groups = new Set((await groupsOf(fact, tx)).flatMap(groupChain));
  send(tx)`
    INSERT INTO audit (position, at, actor, type, client_id, groups)
    VALUES (${fact.position}, ${fact.recordedAt}, ${fact.meta.actor}, ${fact.type}, ${fact.client}, ${[...groups]})`;
};

/** The groups that an act was about: none where it was about the fleet. */
const groupsOf = async (fact: Fact, tx: Transaction): Promise<readonly string[]> => {
  switch (fact.type) {
    case 'group-removed':
      return [fact.data.path, ...(fact.data.moveClientsTo === null ? [] : [fact.data.moveClientsTo])];
    case 'release-published':
    case 'release-held':
    case 'release-paused':
    case 'release-resumed':
    case 'release-withdrawn':
      return groupsOfRelease(fact.data.id, tx);
    case 'settings-changed':
    case 'settings-held':
      if (fact.data.level.scope === 'group') return [fact.data.level.path];
  }
  if (fact.client === null) return [];
  const [row] = await tx<{ group: string }[]>`SELECT group_path AS "group" FROM client WHERE id = ${fact.client}`;
  return [...(row ? [row.group] : []), ...groupBefore(fact)];
};

const groupsOfRelease = async (id: string, tx: Transaction): Promise<readonly string[]> => {
  const [row] = await tx<
    { groups: string[] | null }[]
  >`SELECT target->'groups' AS groups FROM release WHERE id = ${id}`;
  return row?.groups ?? [];
};

/** The group that a client was moved out of: the act is about that one as well. */
const groupBefore = ({ meta: { before } }: Fact): readonly string[] =>
  typeof before === 'object' && before !== null && 'group' in before && typeof before.group === 'string'
    ? [before.group]
    : [];
