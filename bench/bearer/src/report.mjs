/**
 * The whole run as text.
 */
import { number, renderTable, withEnds } from '../../src/table.mjs';
import { remarks } from './summary.mjs';

/**
 * @typedef {object} CaseReport
 * @property {string} name
 * @property {string} title
 * @property {string | undefined} peerTitle heading of the ratio to the Node.js program
 * @property {number} operations
 * @property {Record<string, string>} about by program
 * @property {Record<string, import('./summary.mjs').Sample[]>} samples by program
 * @property {import('./summary.mjs').ProgramSummary[]} summary
 * @property {import('./summary.mjs').Verdict[]} goals
 * @property {{ name: string, why: string }[]} skipped
 * @property {{ name: string, why: string }[]} failed
 *
 * @typedef {object} Report
 * @property {string} date
 * @property {ReturnType<import('../../src/machine.mjs').describeMachine>} machine
 * @property {{ rounds: number, percent: number, core: number, fileSystem: string | undefined }} settings
 * @property {CaseReport[]} cases
 */

const two = (value) => value.toFixed(2);

function columns(peerTitle) {
  const all = [
    { title: 'program', cell: (row) => row.name },
    { title: 'CPU us/op (min-max)', cell: (row) => withEnds(row.cpuMicros, threeFigures) },
    { title: 'x C (min-max)', cell: (row) => withEnds(row.toC, two) },
    { title: peerTitle, cell: (row) => withEnds(row.toPeer, two) },
    { title: 'k op/s (min-max)', cell: (row) => withEnds(row.operationsPerSecond, thousands) },
    { title: 'busy', cell: (row) => number(row.busy, (busy) => `${Math.round(busy * 100)} %`) },
  ];
  return all.filter(({ title }) => title !== undefined);
}

const thousands = (value) => threeFigures(value / 1000);

/** Without an exponent: 0.0731, 1.25, 12.5, 1250. */
export function threeFigures(value) {
  if (value >= 100) return String(Math.round(value));
  return value.toPrecision(3);
}

/**
 * @param {Report} report
 * @param {boolean} markdown
 */
export function renderReport({ date, machine, settings, cases }, markdown) {
  const { rounds, percent, core, fileSystem } = settings;
  const bullet = markdown ? '- ' : '  ';
  const gap = markdown ? [''] : [];
  const work = percent === 100 ? '' : `, ${percent} % of the usual work`;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, ${date}`,
    `${rounds} rounds, each program a fresh process on core ${core}${work}`,
  ];
  if (fileSystem) lines.push(`file of 64 MiB on ${fileSystem}, in the page cache`);
  for (const one of cases) {
    const title = `${one.title} (${one.operations} operations)`;
    const table = renderTable(columns(one.peerTitle), one.summary, markdown);
    lines.push('', markdown ? `### ${title}` : title, ...gap, table, ...gap);
    for (const { name, why } of one.skipped) lines.push(`${bullet}${name} skipped: ${why}`);
    for (const { name, why } of one.failed) lines.push(`${bullet}${name} FAILED: ${why}`);
    for (const remark of remarks(one.summary)) lines.push(bullet + remark);
  }
  const goals = cases.flatMap((one) => one.goals.map((goal) => verdictLine(one.name, goal)));
  if (goals.length > 0) {
    lines.push('', markdown ? '### Goals' : 'Goals', ...gap, ...goals.map((line) => bullet + line));
  }
  const about = new Map(cases.flatMap((one) => Object.entries(one.about)));
  lines.push('', markdown ? '### Programs' : 'Programs', ...gap);
  for (const [name, what] of about) lines.push(`${bullet}${name}: ${what}`);
  return lines.join('\n');
}

function verdictLine(name, { what, min, max, ratio, met }) {
  const wanted = min === undefined ? `at most ${max}` : `at least ${min}`;
  return `${met ? 'met   ' : 'MISSED'} ${name} ${what}: ${withEnds(ratio, two)}, wanted ${wanted}`;
}
