/**
 * The first index below `length` at which a condition holds that holds at every later one too; `length` where it holds
 * at none. A binary search.
 */
export const firstIndex = (length: number, holds: (index: number) => boolean): number => {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
};
