export type { NotifierObserver } from './asker.js';
export * from './notifier.js';
