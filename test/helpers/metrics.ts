import type { ServerProcess } from './server-process.js';

/** What a server's `/metrics` says, by name and labels. */
export type Scrape = {
  /** The value of the one sample with these labels; undefined where there is none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
  /** The values of a metric by the value of one of its labels. */
  readonly by: (name: string, label: string) => Readonly<Record<string, number>>;
  readonly names: ReadonlySet<string>;
};

type Sample = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };

const comment = /^# (?:HELP [a-z_:][\w:]* .+|TYPE ([a-z_:][\w:]*) (counter|gauge|histogram|summary))$/i;
const sample = /^([a-z_:][\w:]*)(?:\{((?:[a-z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)$/i;

/** Reads the text format of Prometheus, 0.0.4. @throws on any line that is not of it, and on a sample without a type */
export const parseMetrics = (text: string): Scrape => {
  const types = new Set<string>();
  const samples: Sample[] = [];
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    if (line.startsWith('#')) types.add(commentOf(line) ?? '');
    else samples.push(sampleOf(line));
  }
  for (const { name } of samples) {
    if (!types.has(name) && !types.has(name.replace(/_(bucket|sum|count)$/, ''))) throw new Error(`no type of ${name}`);
  }
  const find = (name: string, labels: Readonly<Record<string, string>>) =>
    samples.filter(
      (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    );
  return {
    value: (name, labels = {}) => find(name, labels)[0]?.value,
    by: (name, label) => Object.fromEntries(find(name, {}).map(({ labels, value }) => [labels[label] ?? '', value])),
    names: new Set(samples.map(({ name }) => name)),
  };
};

const commentOf = (line: string): string | undefined => {
  const match = comment.exec(line);
  if (!match) throw new Error(`not a comment of the format: ${line}`);
  return match[1];
};

const sampleOf = (line: string): Sample => {
  const [, name = '', labels = '', text = ''] = sample.exec(line) ?? [];
  const value = text === '+Inf' ? Infinity : Number(text);
  if (name === '' || (Number.isNaN(value) && text !== 'Nan')) throw new Error(`not a sample of the format: ${line}`);
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', one = '']) => [key, one] as const);
  return { name, labels: Object.fromEntries(pairs), value };
};

/** Asks a server for its metrics, as Prometheus does. */
export const scrape = async ({ url, key }: Pick<ServerProcess, 'url' | 'key'>): Promise<Scrape> => {
  const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${key}` } });
  if (answer.status !== 200) throw new Error(`GET /metrics answered ${answer.status}: ${await answer.text()}`);
  if (!answer.headers.get('content-type')?.startsWith('text/plain; version=0.0.4')) throw new Error('another format');
  return parseMetrics(await answer.text());
};
