import { existsSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CachedFile, FILE_BYTES, randomBytes } from './cached-file.mjs';

describe('randomBytes()', () => {
  it('depends on the seed alone', () => {
    expect(randomBytes(7, 64)).toEqual(randomBytes(7, 64));
    expect(randomBytes(7, 64)).not.toEqual(randomBytes(8, 64));
  });
});

describe('CachedFile', () => {
  it('is there until it is removed', () => {
    const file = new CachedFile(7);
    try {
      expect(statSync(file.path).size).toBe(FILE_BYTES);
      expect(file.fileSystem).not.toBe('');
    } finally {
      file.remove();
    }
    expect(existsSync(file.path)).toBe(false);
  });
});
