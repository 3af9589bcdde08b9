import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { absentOptionals, completeLock, platformOf } from './lock.mjs';

test('platformOf() reads system, processor and C library from a name', () => {
  expect(platformOf('@biomejs/cli-linux-arm64-musl')).toEqual({
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['musl'],
  });
  expect(platformOf('@turbo/windows-64')).toEqual({ os: ['win32'], cpu: ['x64'] });
  expect(platformOf('fsevents')).toBe(null);
});

test('completeLock() adds the platforms a registry lacks, once', () => {
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': {},
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { 'tool-linux-x64': '1.0.0', 'tool-darwin-x64': '1.0.0' },
      },
      'node_modules/tool-linux-x64': { version: '1.0.0', optional: true },
    },
  };
  const completed = completeLock(lock);
  expect(completed.packages['node_modules/tool-darwin-x64']).toEqual({
    version: '1.0.0',
    os: ['darwin'],
    cpu: ['x64'],
    dev: true,
    optional: true,
  });
  expect(completeLock(completed)).toEqual(completed);
});

test('package-lock.json is complete: "npm run lock" when it is not', () => {
  const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  expect(absentOptionals(JSON.parse(text))).toEqual([]);
  expect(text).not.toMatch(/"resolved": "https?:/);
});
