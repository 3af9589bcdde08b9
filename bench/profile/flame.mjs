/**
 * A tree of calls as a flame graph: a box for each call, as wide as its time, upon the one that called it.
 */

import { escaped } from '../src/plot.mjs';

const WIDTH = 1600;
const ROW = 17;
const TITLE_HEIGHT = 28;
/** Boxes narrower than this, in pixels, are left out: nobody could see them. */
const LEAST_WIDTH = 0.3;
/** Pixels of a character, about. */
const CHARACTER = 6.2;

/** Ours stand out; V8 and the kernel are grey. */
const COLOURS = { node: '#e8a33d', native: '#adb5bd', handler: '#94d82d' };

function colourOf(group) {
  if (group.startsWith('(')) return '#ced4da';
  if (COLOURS[group]) return COLOURS[group];
  return group === 'http-server' ? '#3bc9db' : '#4dabf7';
}

/**
 * @param {import('./call-tree.mjs').Call} root
 * @param {string} title
 * @returns {string} a whole SVG document; every box has its name and share as a tooltip
 */
export function renderFlame(root, title) {
  const boxes = [];
  let depthMost = 0;
  const place = (call, x, depth) => {
    const width = (call.total / root.total) * WIDTH;
    if (width < LEAST_WIDTH) return;
    depthMost = Math.max(depthMost, depth);
    boxes.push({ call, x, depth, width });
    const calls = [...call.calls].sort((a, b) => b.total - a.total);
    for (const below of calls) {
      place(below, x, depth + 1);
      x += (below.total / root.total) * WIDTH;
    }
  };
  if (root.total > 0) place(root, 0, 0);
  const height = TITLE_HEIGHT + (depthMost + 1) * ROW;
  const body = boxes.map(({ call, x, depth, width }) => {
    const y = height - (depth + 1) * ROW;
    const percent = ((call.total / root.total) * 100).toFixed(1);
    const room = Math.floor(width / CHARACTER);
    const label = room > 3 ? escaped(shortened(call.name, room)) : '';
    return [
      `<g><title>${escaped(call.name)}: ${percent} % (${escaped(call.group)})</title>`,
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(call.group)}"/>`,
      label && `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${label}</text>`,
      '</g>',
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="ui-monospace, monospace" font-size="10">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="6" y="18" font-size="12">${escaped(title)}</text>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function shortened(name, room) {
  return name.length <= room ? name : `${name.slice(0, room - 1)}…`;
}
