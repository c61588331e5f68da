import type { Follower } from './follower.js';
import { history } from './history.js';

/** Every projection that follows the log at its own pace, and can be rebuilt. */
export const followers: readonly Follower[] = [history];
