export * from './agent-error.js';
export * from './credentials.js';
export * from './agent.js';
export * from './connection.js';
export type { ConnectFailure, DialOptions } from './dial.js';
export * from './download.js';
export * from './schedule.js';
export * from './state.js';
export {
  connectAgent,
  type ConnectEvent,
  type ConnectOptions,
  type IdentityOptions,
  type WhoConnects,
} from './identity/connect-agent.js';
export { enrol, type EnrolOptions } from './identity/enrol.js';
export * from './identity/identity.js';
export { keepTrust } from './identity/trust.js';
