import type { Member } from './seed.js';

const groups = 2_000;
const regions = 40;
const systems = ['windows', 'linux', 'mac', 'bsd'] as const;
const rings = 5;

/** The group of everybody. */
export const company = 'company';
/** A group that benchmarks ask for, and a label. */
export const someGroup = `${company}/region-7`;
export const someLabel = 'os:linux';

/**
 * Two thousand groups below forty regions of one company, twenty combinations of labels in each, and one label that
 * nobody else has: as a fleet with an inventory is.
 */
export const memberOf = (i: number): Member => {
  const site = i % groups;
  const combination = Math.floor(i / groups);
  return {
    group: `${company}/region-${site % regions}/site-${site}`,
    labels: {
      os: systems[combination % systems.length] ?? systems[0],
      ring: String(Math.floor(combination / systems.length) % rings),
      asset: `A${i}`,
    },
  };
};
