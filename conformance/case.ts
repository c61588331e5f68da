import type { Checks } from './checks.js';
import type { Kind } from './client.js';
import type { PolicyName } from './policies.js';
import type { RuleId } from './rules.js';
import type { Status } from './shapes.js';
import type { NetworkClass, World } from './world.js';

/** What a client does, or what befalls it. Each step ends when the server shows its effect. */
export type Step =
  /** Sends a contact. */
  | { readonly send: Kind; readonly payload?: object }
  /** Says nothing until it has a status. */
  | { readonly until: Status }
  /** Says nothing for some seconds. */
  | { readonly wait: number }
  /** An administrator changes its own level of settings. */
  | { readonly set: object };

/** A rule of one client as a table row: what is given, what happens, and what must then be. */
export type TableCase = {
  readonly rule: RuleId;
  readonly title: string;
  readonly given: { readonly network: NetworkClass; readonly policy: PolicyName; readonly before?: readonly Step[] };
  readonly when: readonly Step[];
  readonly then: {
    /** The transitions that `when` led to, oldest first, as `status cause`. */
    readonly story: readonly string[];
    /** What silence means afterwards: the limit was moved by `when`, or was not, or there is none. */
    readonly limit?: 'moved' | 'unmoved' | 'none';
    /** Part of the last reply. */
    readonly reply?: object;
    /** Part of the client as REST shows it. */
    readonly view?: object;
  };
};

/** A rule that needs more than one client, or more than a table can say. */
export type ScriptCase = {
  readonly rule: RuleId;
  readonly title: string;
  /** Runs when nothing else does, because it loads the server or counts the whole fleet. */
  readonly alone?: boolean;
  readonly run: (world: World, checks: Checks) => Promise<void>;
};

export type Case = TableCase | ScriptCase;
