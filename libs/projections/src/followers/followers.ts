import type { Follower } from './follower.js';
import { history } from './history.js';
import { workCounts } from './work-counts.js';

/** Those that can be rebuilt from the log's beginning. */
export const rebuildable: readonly Follower[] = [history];

/** Every projection that follows the log at its own pace. */
export const followers: readonly Follower[] = [...rebuildable, workCounts];
