/** FNV-1a over the addresses, as a number that fits a double; 0 is kept for none known. */
export const hashOf = (ips: readonly string[]): number => {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (const character of ips.join(',')) {
    const code = character.charCodeAt(0);
    high = Math.imul(high ^ code, 0x01000193) >>> 0;
    low = Math.imul(low ^ code, 0x85ebca6b) >>> 0;
  }
  return (high & 0x1fffff) * 0x1_0000_0000 + low + 1;
};
