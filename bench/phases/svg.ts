import type { Arrivals } from './arrivals.js';
import { type Spread, spreadLimit } from './spread.js';

const size = { width: 960, height: 340, left: 60, right: 16, top: 56, bottom: 44 } as const;
const labelEvery = 10;

export type SvgOptions = { readonly arrivals: Arrivals; readonly spread: Spread; readonly title: string };

/** The arrivals of each second as a picture, with the band that the seconds from 0 on must keep to. */
export const drawSvg = ({ arrivals, spread, title }: SvgOptions): string => {
  const { from, heartbeats, registrations } = arrivals;
  const highest = Math.max(...heartbeats, ...registrations, spread.mean * (1 + spreadLimit));
  // The mean is labelled; one more label close to it would hide it.
  const marks = [0, spread.mean, ...(highest > 1.1 * spread.mean ? [highest] : [])];
  const inner = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
  const x = (second: number): number => tenth(size.left + ((second - from) / heartbeats.length) * inner.width);
  const y = (count: number): number => tenth(size.top + (1 - count / highest) * inner.height);
  const bars = (counts: readonly number[]): string =>
    counts
      .map((count, i) =>
        count > 0 ? `M${x(from + i)} ${y(0)}V${y(count)}H${tenth(x(from + i + 1) - 1)}V${y(0)}z` : '',
      )
      .join('');
  const end = from + heartbeats.length;
  const band = { top: y(spread.mean * (1 + spreadLimit)), bottom: y(spread.mean * (1 - spreadLimit)) };
  const axis = `<path class="axis" d="M${size.left} ${y(0)}H${x(end)}M${x(0)} ${size.top}V${y(0)}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${title}">
<style>text{font:13px sans-serif;fill:#333}.heartbeats{fill:#2f6fb3}.registrations{fill:#d98b2b;opacity:.75}.band{fill:#3a9a5b;opacity:.18}.axis{stroke:#555;fill:none}</style>
<rect width="${size.width}" height="${size.height}" fill="#fff"/>
<text x="${size.left}" y="20">${title}</text>
<text x="${size.left}" y="40"><tspan class="heartbeats">■</tspan> heartbeats <tspan class="registrations">■</tspan> registrations, arrivals per second; green: ± ${spreadLimit * 100} % of the mean of ${tenth(spread.mean)}/s</text>
<rect class="band" x="${x(0)}" y="${band.top}" width="${tenth(x(end) - x(0))}" height="${tenth(band.bottom - band.top)}"/>
<path class="heartbeats" d="${bars(heartbeats)}"/>
<path class="registrations" d="${bars(registrations)}"/>
${axis}
${ticks(from, end, (second) => `<text x="${x(second)}" y="${y(0) + 18}" text-anchor="middle">${second} s</text>`)}
${marks.map((count) => `<text x="${size.left - 6}" y="${y(count) + 4}" text-anchor="end">${Math.round(count)}</text>`).join('\n')}
<text x="${x(0)}" y="${size.height - 8}" text-anchor="middle">all are registered again</text>
</svg>
`;
};

const tenth = (value: number): number => Math.round(value * 10) / 10;

const ticks = (from: number, end: number, draw: (second: number) => string): string => {
  const drawn: string[] = [];
  for (let second = Math.ceil(from / labelEvery) * labelEvery; second < end; second += labelEvery) {
    drawn.push(draw(second));
  }
  return drawn.join('\n');
};
