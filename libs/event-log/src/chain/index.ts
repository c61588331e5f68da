export * from './announce-head.js';
export * from './read-chain-head.js';
export * from './verify-chain.js';
