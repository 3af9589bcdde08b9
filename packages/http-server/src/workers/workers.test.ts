import { describe, expect, test } from 'vitest';
import { appOf } from './app-module.js';
import { plainError, revivedError } from './messages.js';
import { RestartPolicy } from './restart-policy.js';
import { sharesOf } from './shares.js';
import { appUrl, checkStartOptions, type StartOptions, workersOf } from './start-options.js';

describe('sharesOf()', () => {
  test.each([
    [8192, 4, [2048, 2048, 2048, 2048]],
    [10, 3, [4, 3, 3]],
    [3, 3, [1, 1, 1]],
  ])('divides %i over %i without a rest', (total, workers, shares) => {
    expect(sharesOf('maxConnections', total, workers)).toEqual(shares);
  });
  test.each([
    [2, 3],
    [0, 1],
    [1.5, 1],
    [Number.NaN, 1],
  ])('refuses %d for %i', (total, workers) => {
    expect(() => sharesOf('maxConnections', total, workers)).toThrow(
      `Cannot start as maxConnections must be an integer that gives each of ${workers} workers at least 1: current value is ${total}`,
    );
  });
});

describe('RestartPolicy', () => {
  test('waits longer each time, from nothing to five seconds, and then gives up', () => {
    const policy = new RestartPolicy({});
    const waits = Array.from({ length: 12 }, () => policy.ended(1000));
    expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, -1, -1]);
  });
  test('forgets what is longer ago than its window', () => {
    const policy = new RestartPolicy({ restartLimit: 2, restartWindowMs: 1000 });
    expect([0, 10, 20, 1005, 1020, 3000].map((now) => policy.ended(now))).toEqual([
      0, 100, -1, 100, 100, 0,
    ]);
  });
  test('a limit of 0 is none, Infinity never gives up', () => {
    expect(new RestartPolicy({ restartLimit: 0 }).ended(0)).toBe(-1);
    const policy = new RestartPolicy({ restartLimit: Number.POSITIVE_INFINITY });
    for (let time = 0; time < 100; time++) expect(policy.ended(time)).toBeGreaterThanOrEqual(0);
  });
  test.each([
    { restartLimit: -1 },
    { restartLimit: 0.5 },
    { restartWindowMs: 0 },
    { restartWindowMs: Number.POSITIVE_INFINITY },
  ])('refuses %o', (limits) => {
    expect(() => new RestartPolicy(limits)).toThrow(RangeError);
  });
});

describe('checkStartOptions()', () => {
  const app = new URL('file:///app.js');
  test.each([
    [() => {}, /a function, which cannot cross threads/],
    [null, /options must be an object with app/],
    [
      { app, fetch() {} },
      /Cannot start with fetch as functions cannot cross threads: put it into a module/,
    ],
    [{ app, raw() {} }, /Cannot start with raw/],
    [{ app, onError() {} }, /Cannot start with onError/],
    [{ app, worker: 4 }, /worker is no option: did you mean workers/],
    [
      { app, onWorkerExit: 'ignore' },
      /onWorkerExit must be 'restart' or 'fail': current value is ignore/,
    ],
    [{ app, drainTimeoutMs: -1 }, /drainTimeoutMs must be a number of milliseconds >= 0/],
    [{ app, startTimeoutMs: 0 }, /startTimeoutMs must be from 1/],
    [{ app, thread: 5 }, /thread must be an object/],
    [
      { app, thread: { envs: {} } },
      /Cannot start with thread as envs is no option: did you mean env/,
    ],
    [
      { app, thread: { resourceLimits: { maxOldGenerationSizeMB: 64 } } },
      /start with thread.resourceLimits as maxOldGenerationSizeMB is no option: did you mean maxOldGenerationSizeMb/,
    ],
  ])('refuses %o', (options, why) => {
    expect(() => checkStartOptions(options as StartOptions)).toThrow(why);
  });
  test('takes what it knows', () => {
    expect(() => checkStartOptions({ app, workers: 2, maxBodyBytes: 5, port: 0 })).not.toThrow();
  });
});

test.each([0, -1, 1.5, 1025, Number.NaN, '4', null])('workersOf() refuses %o', (workers) => {
  expect(() => workersOf(workers as number)).toThrow(
    `Cannot start as workers must be 'auto' or an integer from 1 to 1024: current value is ${String(workers)}`,
  );
});

test('appUrl() takes URLs and paths, and nothing else', () => {
  expect(appUrl(new URL('file:///a/app.js'))).toBe('file:///a/app.js');
  expect(appUrl('file:///a/app.js')).toBe('file:///a/app.js');
  expect(appUrl('/a/b c.js')).toBe('file:///a/b%20c.js');
  expect(appUrl('app.js')).toMatch(/^file:\/\/\/.*\/app\.js$/);
  for (const bad of [() => {}, '', 5, undefined])
    expect(() => appUrl(bad as unknown as string)).toThrow(TypeError);
});

describe('appOf()', () => {
  const fetch = () => new Response('hi');
  test('a function is a fetch handler, as for serve()', () => {
    expect(appOf({ default: fetch }, 'app')).toEqual({ fetch });
  });
  test('an object has a handler and options', () => {
    const app = { fetch, maxBodyBytes: 5 };
    expect(appOf({ default: app }, 'app')).toBe(app);
  });
  test.each(['port', 'hostname', 'path', 'fd', 'listen', 'signal', 'workers'])(
    'refuses %s, which start() is to be told',
    (name) => {
      expect(() => appOf({ default: { fetch, [name]: 1 } }, 'file:///app.js')).toThrow(
        `Cannot serve file:///app.js as its default export has ${name}`,
      );
    },
  );
  test('CommonJS that was compiled from a module has its default export one step further in', () => {
    const app = { fetch };
    const exported = Object.defineProperty({ default: app }, '__esModule', { value: true });
    expect(appOf({ default: exported }, 'app')).toBe(app);
  });
  test.each<[object, string]>([
    [{}, 'current value is undefined'],
    [
      { fetch },
      'current value is undefined, and there is an export fetch: "export default { fetch }"',
    ],
    [{ default: null }, 'current value is null'],
    [{ default: {} }, 'current value has neither'],
    [{ default: { onError() {} } }, 'current value has neither'],
    [{ default: class App {} }, "current value is a class: export an instance's handler"],
    [
      { default: Promise.resolve({ fetch }) },
      'current value is a Promise: await it, "export default await"',
    ],
    [
      {
        default: new (class Hono {
          fetch = fetch;
        })(),
      },
      'current value is a Hono: "export default { fetch: (request) => app.fetch(request) }"',
    ],
    [{ default: new Map() }, 'current value is a Map'],
  ])('says what to export in place of %o', (module, why) => {
    expect(() => appOf(module, 'file:///app.js')).toThrow(
      new TypeError(
        `Cannot serve file:///app.js as its default export must be a fetch handler, or a plain object with fetch or raw: ${why}`,
      ),
    );
  });
  test('names the module where an option is mistyped', () => {
    expect(() => appOf({ default: { fetsh: fetch } }, 'file:///app.js')).toThrow(
      'Cannot serve file:///app.js as fetsh is no option: did you mean fetch?',
    );
  });
  test.each([undefined, null, 5, 'text'])('refuses %o', (value) => {
    expect(() => appOf({ default: value }, 'app')).toThrow(TypeError);
  });
});

describe('plainError() and revivedError()', () => {
  test('keep name, message, stack and code', () => {
    const error = Object.assign(new RangeError('too far'), { code: 'EFAR', syscall: 'walk' });
    const again = revivedError(structuredClone(plainError(error)));
    expect(again).toBeInstanceOf(Error);
    expect(again).toMatchObject({ name: 'RangeError', message: 'too far', code: 'EFAR' });
    expect(again.stack).toBe(error.stack);
  });
  test.each([5, 'text', null, undefined, Symbol('s')])('make an Error of %o', (thrown) => {
    expect(revivedError(plainError(thrown)).message).toBe(String(thrown));
  });
});
