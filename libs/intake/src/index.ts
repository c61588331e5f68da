export * from './intake.js';
export * from './lane-presence.js';
export * from './recover.js';
export * from './source.js';
export * from './stream.js';
