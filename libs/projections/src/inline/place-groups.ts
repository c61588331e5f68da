import type { Transaction } from '#event-log';

/**
 * Notes which groups are counted together from now on (ADR 0008). For whoever has made a group, or set one apart from
 * those above it: by a setting of its own, or a release that targets it. Takes some 5 ms with 2,000 groups.
 */
export const placeGroups = async (tx: Transaction): Promise<void> => {
  await tx`SELECT place_groups()`;
};
