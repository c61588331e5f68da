import { send, type Transaction } from '#event-log';

/**
 * Notes which groups are counted together from now on (ADR 0008). For whoever has set a group apart from those above it:
 * by a setting of its own, or a release that targets it. Takes some 5 ms with 2,000 groups.
 */
export const placeGroups = (tx: Transaction): void => send(tx)`SELECT place_groups()`;

/** Likewise, for whoever may have made these groups. */
export const placeNewGroups = (paths: readonly string[], tx: Transaction): void => send(tx)`
  SELECT place_groups() WHERE EXISTS (
    SELECT FROM group_node g
    WHERE g.path = ANY(${[...paths]}::text[]) AND NOT EXISTS (SELECT FROM cohort_place p WHERE p.group_id = g.id))`;
