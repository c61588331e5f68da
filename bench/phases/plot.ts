import type { Arrivals } from './arrivals.js';

const height = 10;
const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const labelEvery = 10;
const axisWidth = 8;

/** Heartbeats of each second as bars for a terminal, a column a second. */
export const plot = ({ from, heartbeats }: Arrivals): string => {
  const top = Math.max(...heartbeats);
  const rows = Array.from({ length: height }, (_, i) => {
    const level = height - 1 - i;
    const bars = heartbeats.map((count) => eighths[fill((count / top) * height - level)] ?? ' ');
    const label = i === 0 ? `${top}/s` : level === 0 ? '0/s' : '';
    return `${label.padStart(axisWidth)} │${bars.join('')}`;
  });
  return [...rows, `${' '.repeat(axisWidth)} └${'─'.repeat(heartbeats.length)}`, labels(from, heartbeats.length)].join(
    '\n',
  );
};

const fill = (part: number): number => Math.round(Math.min(Math.max(part, 0), 1) * 8);

const labels = (from: number, length: number): string => {
  let line = ' '.repeat(axisWidth + 2);
  for (let second = Math.ceil(from / labelEvery) * labelEvery; second < from + length; second += labelEvery) {
    line = line.padEnd(axisWidth + 2 + second - from) + `${second} s`;
  }
  return line;
};
