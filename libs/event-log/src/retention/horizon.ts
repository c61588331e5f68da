import type { Queryable } from '../database.js';

/** What a lane has lost of its contacts to {@link dropOldContacts}. */
export type ContactHorizon = {
  /** Contacts up to here may be gone. */
  readonly position: bigint;
  /** All contacts that arrived from here on are there; null when none were dropped yet. */
  readonly contactsFrom: Date | null;
};

export const readHorizon = async (db: Queryable, lane: number): Promise<ContactHorizon> => {
  const [row] = await db<ContactHorizon[]>`
    SELECT position, contacts_from AS "contactsFrom" FROM contact_horizon WHERE lane = ${lane}`;
  return row ?? { position: 0n, contactsFrom: null };
};
