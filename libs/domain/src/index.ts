export * from './contact-limit.js';
export * from './delivery.js';
export * from './lacking.js';
export * from './networks.js';
export * from './outages.js';
export * from './policy.js';
export * from './presence.js';
export { parseRange } from './ranges.js';
export * from './settings.js';
