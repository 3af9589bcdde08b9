import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildFingerprint, missingOutputs } from './build.mjs';

let root;

function write(file, text = '') {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
}

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'ringbearer-build-'));
  write('native/package.json', JSON.stringify({ scripts: { build: 'x' } }));
  write('native/src/ring.cpp');
  write(
    'packages/a/package.json',
    JSON.stringify({ scripts: { build: 'x' }, exports: { '.': './dist/index.js' } }),
  );
  write('packages/a/src/index.ts');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('buildFingerprint()', () => {
  test('stays the same while nothing changes, and ignores tests, pages and results', () => {
    const before = buildFingerprint(root);
    write('packages/a/src/index.test.ts', 'x');
    write('packages/a/README.md', 'x');
    write('packages/a/dist/index.js', 'x');
    expect(buildFingerprint(root)).toBe(before);
  });

  test('changes with a source, C++ or TypeScript, new, touched or gone', () => {
    const seen = new Set([buildFingerprint(root)]);
    write('native/src/ring.hpp');
    seen.add(buildFingerprint(root));
    utimesSync(path.join(root, 'packages/a/src/index.ts'), 1, 1);
    seen.add(buildFingerprint(root));
    rmSync(path.join(root, 'native/src/ring.cpp'));
    seen.add(buildFingerprint(root));
    expect(seen.size).toBe(4);
  });
});

test('missingOutputs() names exports and addons that are not there', () => {
  expect(missingOutputs(root).map((file) => path.relative(root, file))).toEqual([
    'packages/a/dist/index.js',
    'native/build/Release/*.node',
  ]);
  write('packages/a/dist/index.js');
  write('native/build/Release/ring.node');
  expect(missingOutputs(root)).toEqual([]);
});
