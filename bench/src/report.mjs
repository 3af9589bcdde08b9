/**
 * The whole run as text or as JSON.
 */
import { caseOf } from './cases.mjs';
import { remarks } from './summary.mjs';
import { markdownTable, textTable } from './table.mjs';

/**
 * @typedef {object} Report
 * @property {string} date
 * @property {ReturnType<import('./machine.mjs').describeMachine>} machine
 * @property {{ seconds: number, rounds: number, connections: number, pin: { server: number, client: number } }} settings
 * @property {{ name: string, about: string, version: string, answerBytes: number }[]} peers that were measured
 * @property {{ name: string, why: string }[]} skipped not present here
 * @property {{ name: string, why: string }[]} failed present, but did not start or answered wrongly
 * @property {{ name: string, samples: Record<string, import('./measure.mjs').Sample[]>, summary: import('./summary.mjs').PeerSummary[] }[]} cases
 */

/**
 * @param {Report} report
 * @param {boolean} markdown
 */
export function renderReport(report, markdown) {
  const { machine, settings, peers, skipped, failed, cases } = report;
  const { seconds, rounds, connections, pin } = settings;
  const bullet = markdown ? '- ' : '  ';
  const gap = markdown ? [''] : [];
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, ${report.date}`,
    `${rounds} rounds of ${seconds} s, ${connections} connections, server on core ${pin.server}, wrk on core ${pin.client}`,
  ];
  for (const { name, summary } of cases) {
    const table = markdown ? markdownTable(summary) : textTable(summary);
    const { title } = caseOf(name);
    lines.push('', markdown ? `### ${title}` : title, ...gap, table);
    const notes = remarks(summary);
    if (notes.length > 0) lines.push(...gap, ...notes.map((note) => bullet + note));
  }
  lines.push('', 'Servers', ...gap);
  for (const { name, about, version, answerBytes } of peers) {
    const which = [about, version].filter(Boolean).join(' ');
    lines.push(`${bullet}${name}: ${which}, answers of ${answerBytes} bytes`);
  }
  for (const { name, why } of skipped) lines.push(`${bullet}${name} skipped: ${why}`);
  for (const { name, why } of failed) lines.push(`${bullet}${name} FAILED: ${why}`);
  return lines.join('\n');
}
