import { type PublishedKind, publishedKinds, type RequestKind, subjects, type VerificationKind } from './subjects.js';

const laneRoot = 'reachback.internal.v1.lane';

/** How many lanes an installation may have. */
export const maxLanes = 256;

/**
 * FNV-1a over the id's bytes, modulo the number of lanes: what the broker's `partition(n, token)` computes, in subject
 * mappings and in the transforms of streams alike. Ids are ASCII ({@link clientIdPattern}).
 */
const partition = (count: number, clientId: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < clientId.length; i++) hash = Math.imul(hash ^ clientId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % count;
};

/** The lanes of an installation: who is in which, and on which subjects each hears of its clients (ADR 0007). */
export type Lanes = {
  readonly count: number;
  readonly ids: readonly number[];
  /** The lane that a client is in. */
  readonly of: (clientId: string) => number;
  /** Where a contact goes that reached a responder, or what a verification found. */
  readonly relayed: (clientId: string, kind: RequestKind | VerificationKind) => string;
  /** What the broker makes of the subject of something that a client publishes ({@link laneMappings}). */
  readonly published: (clientId: string, kind: PublishedKind) => string;
  /** The clock of a lane: time passes even when nobody speaks. */
  readonly tick: (lane: number) => string;
  /** What of the stream is a lane's; undefined is all of it. */
  readonly filter: (lane: number) => string | undefined;
};

/**
 * The lanes of an installation that has `count` of them. One lane reads the stream as agents fill it. With several, the
 * broker puts the lane before the subject of what agents publish ({@link laneTransform}, {@link laneMappings}).
 */
export const createLanes = (count: number): Lanes =>
  count === 1
    ? {
        count,
        ids: [0],
        of: () => 0,
        relayed: subjects.relayed,
        published: subjects.agent,
        tick: () => subjects.tick,
        filter: () => undefined,
      }
    : {
        count,
        ids: Array.from({ length: count }, (_, lane) => lane),
        of: (clientId) => partition(count, clientId),
        relayed: (clientId, kind) => `${laneRoot}.${partition(count, clientId)}.contact.${clientId}.${kind}`,
        published: (clientId, kind) => `${laneRoot}.${partition(count, clientId)}.agent.${clientId}.${kind}`,
        tick: (lane) => `${laneRoot}.${lane}.tick`,
        filter: (lane) => `${laneRoot}.${lane}.>`,
      };

const partitioned = (count: number, kind: string): string =>
  `${laneRoot}.{{partition(${count},1)}}.agent.{{wildcard(1)}}.${kind}`;

/** What a stream does to the subjects of what agents publish, from NATS 2.10 on, so that each lane finds its own. */
export const laneTransform = (count: number): { readonly src: string; readonly dest: string } => ({
  src: 'reachback.v1.*.*',
  dest: partitioned(count, '{{wildcard(2)}}'),
});

/**
 * The same as subject mappings of an account, for NATS 2.9: from, to. Published kinds only: a mapped request would not
 * reach the responders.
 */
export const laneMappings = (count: number): readonly (readonly [from: string, to: string])[] =>
  publishedKinds.map((kind) => [subjects.allAgents(kind), partitioned(count, kind)]);

/** What a stream with several lanes stores: what agents publish, if the stream itself transforms it, and what is a lane's. */
export const laneSubjects = (transforms: boolean): readonly string[] => [
  ...(transforms ? publishedKinds.map((kind) => subjects.allAgents(kind)) : []),
  `${laneRoot}.>`,
];

/** What agents publish, under the names that {@link laneMappings} give it. */
export const mappedSubjects = {
  /** All that one client may have published. */
  agent: (clientId: string): string => `${laneRoot}.*.agent.${clientId}.*`,
  /** By kind, for only these are mapped. */
  all: publishedKinds.map((kind) => `${laneRoot}.*.agent.*.${kind}`),
} as const;
