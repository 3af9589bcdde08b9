/**
 * Summaries as a table, for a terminal or as Markdown.
 */

/** @typedef {import('./summary.mjs').PeerSummary} PeerSummary */

const NOTHING = '-';

/** @type {readonly { title: string, cell: (peer: PeerSummary) => string }[]} */
const COLUMNS = [
  { title: 'server', cell: (peer) => peer.name },
  { title: 'CPU us/req (min-max)', cell: (peer) => withEnds(peer.cpuMicros, (n) => n.toFixed(2)) },
  { title: 'user', cell: (peer) => number(peer.userMicros, (n) => n.toFixed(2)) },
  { title: 'sys', cell: (peer) => number(peer.systemMicros, (n) => n.toFixed(2)) },
  { title: 'x limit (min-max)', cell: (peer) => withEnds(peer.toLimit, (n) => n.toFixed(2)) },
  { title: 'k req/s (min-max)', cell: (peer) => withEnds(peer.requestsPerSecond, thousands) },
  { title: 'p99', cell: (peer) => number(peer.p99Micros, duration) },
  { title: 'busy', cell: (peer) => number(peer.serverBusy, percent) },
  { title: 'wrk busy', cell: (peer) => number(peer.clientBusy, percent) },
];

export function number(value, format) {
  return Number.isFinite(value) ? format(value) : NOTHING;
}

export function withEnds(spread, format) {
  if (!spread) return NOTHING;
  return `${format(spread.median)} (${format(spread.min)}-${format(spread.max)})`;
}

const thousands = (value) => (value / 1000).toFixed(1);
const percent = (value) => `${Math.round(value * 100)} %`;

/**
 * @param {number} micros
 * @returns {string} with three figures at most
 */
export function duration(micros) {
  if (micros < 1000) return `${Math.round(micros)} us`;
  if (micros < 1e6) return `${(micros / 1e3).toPrecision(3)} ms`;
  return `${(micros / 1e6).toPrecision(3)} s`;
}

/**
 * @template Row
 * @param {readonly { title: string, cell: (row: Row) => string }[]} columns the first is a name, the others are figures
 * @param {readonly Row[]} rows
 * @param {boolean} markdown
 * @returns {string}
 */
export function renderTable(columns, rows, markdown) {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => column.cell(row))),
  ];
  return markdown ? markdownLines(cells) : alignedLines(cells);
}

function alignedLines(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
      )
      .join('  ');
  return rows.map(line).join('\n');
}

function markdownLines([titles, ...rows]) {
  const line = (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|---|${'---:|'.repeat(titles.length - 1)}`;
  return [line(titles), rule, ...rows.map(line)].join('\n');
}

/**
 * @param {readonly PeerSummary[]} peers
 * @returns {string} lines with aligned columns
 */
export function textTable(peers) {
  return renderTable(COLUMNS, peers, false);
}

/**
 * @param {readonly PeerSummary[]} peers
 * @returns {string} a Markdown table
 */
export function markdownTable(peers) {
  return renderTable(COLUMNS, peers, true);
}
