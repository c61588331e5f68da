export * from './authority.js';
export * from './broker.js';
export { formatCredentials } from './claims.js';
export * from './push-account.js';
