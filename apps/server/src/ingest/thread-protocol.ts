import type { MessagePort } from 'node:worker_threads';
import type { Check } from '#contracts';
import type { MetricValues } from '#metrics';
import type { Config } from '../config.js';

/** What the thread knows from its first moment on. */
export type ThreadData = { readonly config: Config; readonly version: string; readonly instance: string };

/** What it can be asked, and the answers. */
export type Answers = { readonly check: Check; readonly metrics: MetricValues };

/** What it is told. The answer to a question goes to the port that comes with it. */
export type Order =
  | { readonly type: 'start'; readonly lanes: number; readonly credentials: Uint8Array | undefined }
  | { readonly type: 'ask'; readonly what: keyof Answers; readonly port: MessagePort }
  | { readonly type: 'stop' };
