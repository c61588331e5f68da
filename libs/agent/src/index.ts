export * from './credentials.js';
export * from './agent.js';
export * from './connection.js';
export * from './download.js';
export * from './schedule.js';
export * from './state.js';
