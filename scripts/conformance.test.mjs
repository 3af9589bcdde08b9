import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { behavioursOf, checkConformance, checkPage, namedTests } from './conformance.mjs';

const ROOT = path.resolve(import.meta.dirname, '..');

describe('checkConformance()', () => {
  test('finds every behaviour tested and every named test there', () => {
    expect(checkConformance(ROOT)).toEqual([]);
  });
});

describe('behavioursOf()', () => {
  test('reads titles and tables', () => {
    const source =
      "test('behaviour 7: x', f); test(`behaviour 8 over y`, f);\n[\n  9,\n  'what', []]";
    expect([...behavioursOf(source)]).toEqual([7, 8, 9]);
    expect(behavioursOf('// behaviour 7: x').size).toBe(0);
  });
});

describe('checkPage()', () => {
  const read = (file) => (file === 'a' ? "test('holds', f)" : null);
  const check = (cell) =>
    checkPage(`| x | test |\n|---|---|\n| y | ${cell} |`, read, new Set([3])).map(
      ({ what }) => what,
    );

  test('accepts what exists, and a reason', () => {
    expect(check('behaviour 3; `a` "holds"')).toEqual([]);
    expect(check('reason: not ours')).toEqual([]);
  });

  test('refuses what does not exist, and silence', () => {
    expect(check('behaviour 4')).toEqual(['behaviour 4 has no test']);
    expect(check('`a` "does not"')).toEqual(['a has no test "does not"']);
    expect(check('`b`')).toEqual(['no such test file: b']);
    expect(check('"holds"')).toEqual(['no such test file: null']);
    expect(check('not ours')).toEqual(['names no test and gives no reason: not ours']);
  });

  test('reads a file for every title that follows it', () => {
    expect(namedTests('`a` "b", "c"; behaviour 3')).toEqual([
      { file: 'a' },
      { file: 'a', title: 'b' },
      { file: 'a', title: 'c' },
      { behaviour: 3 },
    ]);
  });
});
