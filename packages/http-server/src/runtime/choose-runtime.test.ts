import { afterEach, describe, expect, test } from 'vitest';
import type { Blueprint } from '../sans-io/blueprint.js';
import { makeRuntime, runtimeChoice, type ServerRuntime } from './choose-runtime.js';

const app: Blueprint = {
  name: 'nothing',
  instantiate: () => {
    throw new Error('nobody connects');
  },
};
const made: ServerRuntime[] = [];
afterEach(async () => {
  for (const runtime of made.splice(0)) await runtime.close(0);
});

function refusing(code: string, errno: number) {
  return () => {
    throw Object.assign(new Error(`${code}: io_uring_setup`), { code, errno });
  };
}

describe('runtimeChoice()', () => {
  test.each([
    [undefined, {}, 'auto'],
    [undefined, { RINGBEARER_RUNTIME: '' }, 'auto'],
    [undefined, { RINGBEARER_RUNTIME: 'auto' }, 'auto'],
    [undefined, { RINGBEARER_RUNTIME: 'node' }, 'node'],
    [undefined, { RINGBEARER_RUNTIME: 'io-uring' }, 'io-uring'],
    ['auto', { RINGBEARER_RUNTIME: 'node' }, 'auto'],
    ['io-uring', { RINGBEARER_RUNTIME: 'node' }, 'io-uring'],
    ['node', { RINGBEARER_RUNTIME: 'nonsense' }, 'node'],
  ] as const)('option %o, environment %o: %s', (option, env, choice) => {
    expect(runtimeChoice(option, env)).toBe(choice);
  });

  test.each([
    ['epoll', {}, "runtime must be 'auto', 'io-uring' or 'node': current value is 'epoll'"],
    [null, {}, "runtime must be 'auto', 'io-uring' or 'node': current value is null"],
    [
      undefined,
      { RINGBEARER_RUNTIME: 'Node' },
      "RINGBEARER_RUNTIME must be 'auto', 'io-uring' or 'node': current value is 'Node'",
    ],
  ])('refuses option %o, environment %o', (option, env, why) => {
    expect(() => runtimeChoice(option as 'node', env)).toThrow(
      new TypeError(`Cannot serve as ${why}`),
    );
  });
});

describe('makeRuntime()', () => {
  test.each([
    ['EPERM', 1],
    ['ENOSYS', 38],
    ['EINVAL', 22],
    ['ENOMEM', 12],
  ])("'auto' takes node:net where a ring is refused with %s, and says why", (code, errno) => {
    const { runtime, fallback } = makeRuntime('auto', { app }, refusing(code, errno));
    made.push(runtime);
    expect(runtime.kind).toBe('node');
    expect(fallback).toMatchObject({ code: 'SETUP_FAILED', errno });
    expect(() => makeRuntime('io-uring', { app }, refusing(code, errno))).toThrow(code);
  });

  test('what is wrong with the options, or short in the process, is no reason', () => {
    expect(() => makeRuntime('auto', { app }, refusing('EMFILE', 24))).toThrow('EMFILE');
    expect(() => makeRuntime('auto', { app, maxConnections: 0 })).toThrow(RangeError);
    expect(() => makeRuntime('node', { app, maxConnections: 0 })).toThrow(RangeError);
    expect(() => makeRuntime('auto', { app, driver: 'none' as 'owner' })).toThrow(TypeError);
  });

  test('a driver does not matter to node:net', () => {
    const { runtime, fallback } = makeRuntime('node', { app, driver: 'embedded' });
    made.push(runtime);
    expect([runtime.kind, fallback]).toEqual(['node', null]);
  });
});
