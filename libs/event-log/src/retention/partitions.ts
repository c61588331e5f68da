/** The table that holds the contacts of a day, `2026-11-24`. */
export const partitionOf = (day: string): string => `contact_chunk_${day.replaceAll('-', '')}`;
