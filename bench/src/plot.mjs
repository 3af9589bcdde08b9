/**
 * CPU per request by server and case, as an SVG: one panel for each case, one bar for each server, the cheapest first.
 */
import { caseOf } from './cases.mjs';

const PANEL_WIDTH = 420;
const COLUMNS = 2;
const LABEL_WIDTH = 120;
const BAR_HEIGHT = 16;
const BAR_GAP = 5;
const TITLE_HEIGHT = 30;
const PADDING = 14;
/** Room behind the longest bar for its figure. */
const FIGURE_WIDTH = 70;

/** Ours stand out; the limit is what the others are measured against. */
function colour(name) {
  if (name.startsWith('ringbearer')) return '#0b7285';
  return name === 'limit' ? '#adb5bd' : '#e8a33d';
}

/**
 * @param {import('./report.mjs').Report} report
 * @returns {string} a whole SVG document
 */
export function renderPlot(report) {
  const panels = report.cases.map(({ name, summary }) => panel(name, summary)).filter(Boolean);
  const heights = [];
  panels.forEach(({ height }, index) => {
    const row = Math.floor(index / COLUMNS);
    heights[row] = Math.max(heights[row] ?? 0, height);
  });
  const width = PANEL_WIDTH * Math.min(COLUMNS, Math.max(panels.length, 1));
  const top = TITLE_HEIGHT + PADDING;
  const total = heights.reduce((sum, height) => sum + height, top);
  const { cpu, kernel } = report.machine;
  const caption = `CPU microseconds per request, median (less is better) · ${cpu} · Linux ${kernel} · ${report.date.slice(0, 10)}`;
  let y = top;
  const parts = panels.map(({ svg }, index) => {
    const row = Math.floor(index / COLUMNS);
    if (index > 0 && index % COLUMNS === 0) y += heights[row - 1];
    return `<g transform="translate(${(index % COLUMNS) * PANEL_WIDTH} ${y})">${svg}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(caption)}</title>`,
    `<rect width="${width}" height="${total}" fill="#ffffff"/>`,
    text(PADDING, 22, caption, { size: 11, fill: '#495057' }),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function panel(name, summary) {
  const bars = summary
    .filter((peer) => peer.cpuMicros !== undefined)
    .map((peer) => ({ name: peer.name, micros: peer.cpuMicros.median }))
    .sort((a, b) => a.micros - b.micros);
  if (bars.length === 0) return undefined;
  const room = PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH - 2 * PADDING;
  const most = bars.at(-1).micros;
  const lines = [text(PADDING, 16, caseOf(name).title, { weight: 600 })];
  bars.forEach((bar, index) => {
    const y = TITLE_HEIGHT - 4 + index * (BAR_HEIGHT + BAR_GAP);
    const width = Math.max(1, (bar.micros / most) * room);
    const x = PADDING + LABEL_WIDTH;
    lines.push(
      text(x - 8, y + 12, bar.name, { anchor: 'end' }),
      `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${colour(bar.name)}"/>`,
      text(x + width + 6, y + 12, figure(bar.micros), { fill: '#495057' }),
    );
  });
  const height = TITLE_HEIGHT + bars.length * (BAR_HEIGHT + BAR_GAP) + PADDING;
  return { svg: lines.join('\n'), height };
}

/** Three digits, and no exponent. */
function figure(micros) {
  return micros >= 100 ? micros.toFixed(0) : micros.toPrecision(3);
}

function text(x, y, content, { size, fill = '#212529', weight, anchor } = {}) {
  const extra = [
    size && ` font-size="${size}"`,
    weight && ` font-weight="${weight}"`,
    anchor && ` text-anchor="${anchor}"`,
  ].filter(Boolean);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}"${extra.join('')}>${escaped(content)}</text>`;
}

/** Text as an SVG document takes it, within elements. */
export function escaped(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
