import { clientId } from '../fleet/names.js';
import type { Member } from '../fleet/seed.js';

export const soakPrefix = 'soak';

const regions = 4;
const sites = 20;
const rings = 10;

/** The group and the labels of the client with this number. */
export const memberOf = (client: number): Member => ({
  group: siteOf(client % sites),
  labels: { ring: ringOf(Math.floor(client / sites)) },
});

export const regionOf = (i: number): string => `region-${i % regions}`;
/** Each site is in one region. */
export const siteOf = (i: number): string => `${regionOf(i)}/site-${i % sites}`;
export const ringOf = (i: number): string => `r${i % rings}`;
export const idOf = (client: number): string => clientId(soakPrefix, client);
