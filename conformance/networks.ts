import type { Admin } from './admin.js';

export type Network = { readonly name: string; readonly ranges: readonly string[] };

/** The unreachable networks of a run, beside those the server has. */
export type OwnNetworks = {
  /** Numbers of the run: `198.18.<octet>.0/24`, `198.19.<octet>.0/24` and `2001:db8:<octet>::/48` are its own. */
  readonly octet: number;
  /** Adds one of ours, or puts another in its place. */
  readonly set: (name: string, ranges: readonly string[]) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** Takes ours away again; what others have changed in the meantime stays. */
  readonly restore: () => Promise<void>;
};

/**
 * Keeps the run's networks. A write replaces all networks of the server, so each one reads them first, and one
 * follows the other. The ranges are those set aside for benchmarks and documentation, which no client really has.
 */
export const keepNetworks = async (admin: Admin, prefix: string): Promise<OwnNetworks> => {
  const own = new Map<string, readonly string[]>();
  const read = () => admin.get<readonly Network[]>('/v1/networks');
  const isOwn = ({ name }: Network) => name.startsWith(prefix);
  let last: Promise<void> = Promise.resolve();
  const write = (change: () => void): Promise<void> => {
    const next = last.then(async () => {
      change();
      const others = (await read()).filter((network) => !isOwn(network));
      await admin.change('PUT', '/v1/networks', [...others, ...[...own].map(([name, ranges]) => ({ name, ranges }))]);
    });
    last = next.catch(() => undefined);
    return next;
  };
  return {
    octet: freeOctet(await read()),
    set: (name, ranges) => write(() => void own.set(`${prefix}-${name}`, ranges)),
    remove: (name) => write(() => void own.delete(`${prefix}-${name}`)),
    restore: () => write(() => own.clear()),
  };
};

const freeOctet = (networks: readonly Network[]): number => {
  const taken = networks.flatMap(({ ranges }) => ranges).join(' ');
  const start = Math.floor(Math.random() * 256);
  for (let i = 0; i < 256; i++) {
    const octet = (start + i) % 256;
    if (!taken.includes(`198.18.${octet}.`) && !taken.includes(`198.19.${octet}.`)) return octet;
  }
  throw new Error('Other runs have left no range in 198.18.0.0/15; remove their networks.');
};
