/** A notification that nobody answers is sent again after so long, in milliseconds (R18). */
export const retryInterval = 15 * 60_000;
/** And so many times; then it waits for the client's next contact (R18). */
export const retries = 5;
/** How long an answer is waited for, in milliseconds. */
export const answerTimeout = 5_000;

/**
 * Questions under way at most. So many clients that are connected and silent take up the room for one
 * {@link answerTimeout}; fewer delay nobody.
 */
export const maxUnderWay = 10_000;
/** Direct clients looked at by one statement. */
export const pageSize = 1_000;
/**
 * For how long a worker has what it claimed, in milliseconds; it renews it every second. A claim only spares doubled
 * work: what a worker may write is decided by fencing.
 */
export const lease = 5_000;
/** A claim on single clients is not renewed: it covers the wait for the answer, and writing it down. */
export const dueLease = 2 * answerTimeout;
/** A hint may be lost with its connection: look at least this often, in milliseconds. */
export const lookInterval = 1_000;
