export * from './responders.js';
