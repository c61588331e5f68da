export * from './condemn.js';
export * from './drop-day.js';
export * from './horizon.js';
export * from './keep-retaining.js';
export * from './partitions.js';
export * from './retain.js';
export * from './stored-days.js';
