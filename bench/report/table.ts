import type { BenchResult } from '../result.js';
import { type Row, rowsOf } from './rows.js';

const header: Row = { what: 'what', result: 'result', limit: 'limit in the same run', wanted: 'wanted' };
const columns = ['what', 'result', 'limit', 'wanted'] as const;

/** The result as a table, under a line that says where and how it came about. */
export const formatTable = (result: BenchResult): string => {
  const rows = [header, ...rowsOf(result)];
  const widths = columns.map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    columns
      .map((column, i) =>
        column === 'result' ? row[column].padStart(widths[i] ?? 0) : row[column].padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return [describe(result), '', ...lines, ...failures(result)].join('\n');
};

/** The same in Markdown. */
export const markdownTable = (result: BenchResult): string => {
  const line = (row: Row) => `| ${columns.map((column) => row[column].replace(/^ +/, indent)).join(' | ')} |`;
  const rows = rowsOf(result).map(line);
  return [describe(result), '', line(header), '| --- | ---: | --- | --- |', ...rows, ...failures(result)].join('\n');
};

/** What Markdown keeps of spaces at the beginning. */
const indent = '&nbsp;&nbsp;';

const describe = ({ machine, run }: BenchResult): string => {
  const { cpu, cores, memoryGb, node, postgres, nats } = machine;
  const how = `${run.clients.toLocaleString('en-US')} clients${run.quick ? ', quick: fewer clients, shorter windows' : ''}`;
  return (
    `${how}; ${cores} cores of ${cpu}, ${memoryGb} GB; Node ${node}, Postgres ${postgres}, NATS ${nats}; ` +
    `load before ${run.loadBefore}; took ${run.seconds ?? '?'} s`
  );
};

const failures = ({ run }: BenchResult): readonly string[] =>
  Object.entries(run.failed).map(([name, reason]) => `${name} failed: ${reason}`);
