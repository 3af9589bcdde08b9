import { describe, expect, test } from 'vitest';
import { http1 } from './http1.js';

describe('http1()', () => {
  test('validates its options', () => {
    const handle = (): void => {};
    expect(() => http1({ handle: 5 as never })).toThrow(TypeError);
    expect(() => http1(null as never)).toThrow(
      'Cannot configure HTTP/1.1 as handle must be a function: current value is undefined',
    );
    expect(() => http1({ handle, maxHeaders: '5' as never })).toThrow(TypeError);
    expect(() => http1({ handle, maxHeaders: 0 })).toThrow(
      'Cannot configure HTTP/1.1 as maxHeaders must be an integer from 1 to 10000: current value is 0',
    );
    expect(() => http1({ handle, maxHeaderBytes: Number.POSITIVE_INFINITY })).toThrow(RangeError);
    expect(() => http1({ handle, keepAliveTimeoutMs: Number.NaN })).toThrow(RangeError);
    expect(() =>
      http1({ handle, maxBodyBytes: 0, handlerTimeoutMs: Number.POSITIVE_INFINITY }),
    ).not.toThrow();
  });
});
