export type { AnsweredRequest, RequestObserver } from './observer.js';
export * from './responders.js';
