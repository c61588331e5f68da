export * from './followers/follower.js';
export * from './followers/history.js';
export * from './followers/run-follower.js';
export * from './followers/states.js';
export * from './inline/index.js';
