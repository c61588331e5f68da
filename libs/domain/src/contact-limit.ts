/**
 * How much one client may send (G12): so many contacts within a window of so many milliseconds, 60 a second for a while.
 * Agents send one in seconds at most; what a flooding one sends beyond this is counted, and neither logged nor answered
 * with work.
 */
export const contactLimit = { contacts: 600, window: 10_000 } as const;
