export * from './start.js';
export { askIngest } from './presence-owner.js';
