export { type Access, createAccess, type Refusal } from './access/access.js';
export type { HttpObserver } from './context.js';
export * from './health/health-listener.js';
export type { HttpTls } from './http/web-server.js';
export * from './health/readiness.js';
export * from './start.js';
