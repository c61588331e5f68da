export type { BrokerLink } from './dependencies.js';
export * from './metrics.js';
