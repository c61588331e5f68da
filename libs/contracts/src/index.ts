export * from './errors.js';
export * from './facts.js';
export * from './json.js';
export * from './payloads.js';
export * from './replies.js';
export * from './rest/index.js';
export * from './settings.js';
export * from './subjects.js';
