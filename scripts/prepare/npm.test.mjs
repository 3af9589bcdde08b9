import { describe, expect, test } from 'vitest';
import { lockSatisfied } from './npm.mjs';

const lock = (packages) => JSON.stringify({ packages });
const WANTED = lock({
  '': { name: 'root' },
  native: { name: '@x/native' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/@x/native': { resolved: 'native', link: true },
  'node_modules/other-platform': { version: '2.0.0', optional: true },
});

describe('lockSatisfied()', () => {
  test('accepts what npm installed, without the packages of other platforms', () => {
    const installed = lock({
      'node_modules/a': { version: '1.0.0' },
      'node_modules/@x/native': { resolved: 'native', link: true },
    });
    expect(lockSatisfied(WANTED, installed)).toBe(true);
  });

  test('wants an install when nothing is there, or something is missing or of another version', () => {
    expect(lockSatisfied(WANTED, null)).toBe(false);
    expect(lockSatisfied(WANTED, lock({}))).toBe(false);
    const older = lock({
      'node_modules/a': { version: '0.9.0' },
      'node_modules/@x/native': { resolved: 'native', link: true },
    });
    expect(lockSatisfied(WANTED, older)).toBe(false);
  });
});
