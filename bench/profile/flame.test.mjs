import { describe, expect, it } from 'vitest';
import { renderFlame } from './flame.mjs';

const leaf = (name, total, calls = []) => ({ name, group: 'node', self: 0, total, calls });

/** Boxes by name: where each begins, ends and stands. */
function boxesOf(svg) {
  const found = svg.matchAll(
    /<title>([^:]+): [^<]*<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g,
  );
  return new Map(
    [...found].map(([, name, x, y, width]) => [name, { x: +x, y: +y, width: +width }]),
  );
}

describe('renderFlame()', () => {
  const svg = renderFlame(
    leaf('root', 100, [leaf('rare', 25), leaf('often', 75, [leaf('a < b', 50)]), leaf('never', 0)]),
    'title & more',
  );
  const boxes = boxesOf(svg);

  it('has boxes as wide as their time, upon what called them', () => {
    const root = boxes.get('root');
    expect(boxes.get('often').width / root.width).toBeCloseTo(0.75);
    expect(boxes.get('often').y).toBeLessThan(root.y);
    expect(boxes.get('a &lt; b').x).toBe(boxes.get('often').x);
    expect(boxes.get('rare').x).toBeCloseTo(boxes.get('often').width);
  });

  it('leaves out what nobody could see, and escapes names', () => {
    expect(boxes.has('never')).toBe(false);
    expect(svg).toContain('title &amp; more');
    expect(svg).not.toContain('a < b');
  });

  it('is a picture without boxes where nothing ran', () => {
    expect(boxesOf(renderFlame(leaf('root', 0), 'idle')).size).toBe(0);
  });
});
