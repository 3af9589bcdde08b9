import { describe, expect, it } from 'vitest';
import { connectionsFor } from './file-limit.js';

describe('connectionsFor()', () => {
  it('takes the default, lowered to what the limit on open files allows', () => {
    expect(connectionsFor(undefined, 72, 1_048_576)).toEqual({
      maxConnections: 8192,
      fileLimit: 8264,
      spare: 1_040_184,
    });
    expect(connectionsFor(undefined, 72, 1024)).toEqual({
      maxConnections: 824,
      fileLimit: 896,
      spare: 0,
    });
    expect(connectionsFor(800, 72, 1024).spare).toBe(24);
    expect(connectionsFor(undefined, 72, 100).maxConnections).toBe(1);
  });

  it('refuses a number of the caller that does not fit, and says how to make room', () => {
    expect(() => connectionsFor(5000, 72, 1024)).toThrow(/at most 824 .*ulimit -n/);
    for (const wrong of [0, -1, 1.5, Number.NaN, 200_001]) {
      expect(() => connectionsFor(wrong, 72, 1024)).toThrow(RangeError);
    }
  });
});
