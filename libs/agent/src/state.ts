import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ackResult, grantedPolicySchema } from '#contracts';

/** What an agent keeps across restarts. */
const stateSchema = z.object({
  /** Whose state it is, where the machine became another client than it was started as. */
  clientId: z.string().optional(),
  registered: z.boolean(),
  installed: z.record(z.string(), z.string()),
  settings: z.object({ revision: z.string(), values: z.record(z.string(), z.unknown()) }).nullable(),
  policy: grantedPolicySchema.nullable(),
  /** Results that the server has not accepted yet; they are sent until it has. */
  results: z.array(ackResult),
});
export type AgentState = z.infer<typeof stateSchema>;

const initialState: AgentState = { registered: false, installed: {}, settings: null, policy: null, results: [] };

/** The state as it is to begin with as a client; of another, whose copy the machine was, it keeps what is installed. */
export const stateAs = (clientId: string, startedAs: string, state: AgentState): AgentState =>
  (state.clientId ?? startedAs) === clientId
    ? state
    : { ...initialState, clientId, installed: state.installed, policy: state.policy };

export type StateStore = {
  readonly load: () => Promise<AgentState>;
  readonly save: (state: AgentState) => Promise<void>;
};

/**
 * Keeps the state in `state.json` in a folder. A save is whole or has not happened: the file is written beside its
 * place, synced, and moved there.
 *
 * @throws when the file is there but cannot be understood: starting over would install everything again
 */
export const fileState = (folder: string): StateStore => {
  const path = join(folder, 'state.json');
  return {
    load: async () => {
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return initialState;
      try {
        return stateSchema.parse(JSON.parse(text));
      } catch {
        throw new Error(`${path} is damaged; remove it to let the agent register anew.`);
      }
    },
    save: async (state) => {
      await mkdir(folder, { recursive: true });
      const file = await open(`${path}.new`, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(state, undefined, 2));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    },
  };
};

/** Keeps the state for as long as the process lives; for trials. */
export const memoryState = (): StateStore => {
  let state = initialState;
  return {
    load: async () => state,
    save: async (next) => {
      state = next;
    },
  };
};
