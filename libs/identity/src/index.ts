export { fleetInbox } from './accounts.js';
export * from './authority.js';
export * from './broker.js';
export { formatCredentials } from './claims.js';
export * from './ensure-accounts.js';
export * from './push-account.js';
