export * from './broker-tls.js';
export * from './distrust.js';
export * from './follow-pair.js';
export * from './pair.js';
export * from './web-request.js';
