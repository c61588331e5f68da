import { median } from '../statistics.js';
import type { Thirds } from './result.js';

/** By how much memory may grow from one third to the next and count as flat: garbage collection, not a leak. */
const allowedShare = 0.1;
const allowedMegabytes = 16;

/** Null of fewer than one value in each third. */
export const thirdsOf = (values: readonly number[]): Thirds | null => {
  if (values.length < 3) return null;
  const [from, to] = [Math.floor(values.length / 3), Math.floor((values.length * 2) / 3)];
  return { second: median(values.slice(from, to)), last: median(values.slice(to)) };
};

/** Whether memory in megabytes has stopped growing; the first third is for warming up. */
export const isFlat = ({ second, last }: Thirds): boolean => last <= second * (1 + allowedShare) + allowedMegabytes;
