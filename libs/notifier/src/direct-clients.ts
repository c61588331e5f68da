import type { Network } from '#contracts';
import { type Classifier, compileNetworks } from '#domain';
import type { Queryable } from '#event-log';
import type { Page } from './pass.js';
import { pageSize } from './rules.js';

/** A direct client of a page, and whether it is one of those to be asked. */
export type DirectClient = { readonly id: string; readonly ips: readonly string[]; readonly concerned: boolean };

/** The next direct clients after an id. */
export const pageOfDirect = (db: Queryable, cursor: string) => db`
  SELECT client_id FROM presence WHERE network = 'direct' AND client_id > ${cursor} ORDER BY client_id LIMIT ${pageSize}`;

/**
 * Presence learns of changed networks a moment after they changed; in between, the networks themselves tell who has
 * become unreachable, and nobody of these is asked any more (R17).
 */
export class ReachableFilter {
  private revision: bigint | undefined;
  private classify: Classifier = compileNetworks([]);

  async keep<C extends { readonly ips: readonly string[] }>(
    db: Queryable,
    clients: readonly C[],
  ): Promise<readonly C[]> {
    if (clients.length === 0) return clients;
    const [row] = await db<{ revision: bigint; networks: readonly Network[] }[]>`
      SELECT revision, networks FROM network_set`;
    if (row && row.revision !== this.revision) {
      this.classify = compileNetworks(row.networks);
      this.revision = row.revision;
    }
    return clients.filter(({ ips }) => this.classify(ips).network === 'direct');
  }

  /** A page out of its rows: all direct clients after the cursor, in order. */
  async pageOf(db: Queryable, rows: readonly DirectClient[]): Promise<Page> {
    const kept = await this.keep(
      db,
      rows.filter(({ concerned }) => concerned),
    );
    return { clients: kept.map(({ id }) => id), next: rows.length < pageSize ? undefined : rows.at(-1)?.id };
  }
}
