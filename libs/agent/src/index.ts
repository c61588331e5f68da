export * from './agent-error.js';
export * from './agent.js';
export * from './connection.js';
export * from './download.js';
export * from './schedule.js';
export * from './state.js';
export { connectAgent, type IdentityOptions } from './identity/connect-agent.js';
export { enrol, type EnrolOptions } from './identity/enrol.js';
export * from './identity/identity.js';
