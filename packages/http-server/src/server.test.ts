import { describe, expect, test } from 'vitest';
import type { ServeOptions } from './options.js';
import { OTHER_NAMES } from './other-names.js';
import { serve } from './server.js';

const raw: ServeOptions['raw'] = (_request, reply) => reply.text('hello');

/** What `serve` says to options no type checker has seen. */
async function refusalOf(options: object): Promise<string> {
  const error = await serve(options as ServeOptions).then(
    async (server) => {
      await server.close();
      return new Error('it was served');
    },
    (reason: Error) => reason,
  );
  return `${error.name}: ${error.message}`;
}

describe('serve()', () => {
  test.each([
    ['keepAliveTimeout', 'keepAliveTimeoutMs'],
    ['requestTimeout', 'requestTimeoutMs'],
    ['maxconnections', 'maxConnections'],
    ['host', 'hostname'],
    ['hostName', 'hostname'],
    ['potr', 'port'],
    ['onerror', 'onError'],
    ['reuseport', 'reusePort'],
    ['Raw', 'raw'],
    // As other servers have it.
    ...OTHER_NAMES,
  ])('refuses %s, which is no option, and suggests %s', async (name, near) => {
    expect(await refusalOf({ port: 0, raw, [name]: 5 })).toBe(
      `TypeError: Cannot serve as ${name} is no option: did you mean ${near}?`,
    );
  });

  test.each(['nonsense', 'x', 'toString', '__proto', 'tls', 'secure'])(
    'refuses %s, which is like no option',
    async (name) => {
      expect(await refusalOf({ port: 0, raw, [name]: 1 })).toBe(
        `TypeError: Cannot serve as ${name} is no option`,
      );
    },
  );

  test.each([
    [{ raw, port: '3000' }, "port must be a number: current value is '3000'"],
    [{ raw, port: null }, 'port must be a number: current value is null'],
    [{ raw, hostname: 0 }, 'hostname must be a string: current value is 0'],
    [{ raw, reusePort: 'no' }, "reusePort must be a boolean: current value is 'no'"],
    [{ raw, drainTimeoutMs: '5' }, "drainTimeoutMs must be a number: current value is '5'"],
    [{ raw, signal: null }, 'signal must be an object: current value is null'],
    [{ raw, signal: {} }, 'signal must be an AbortSignal'],
    [{ raw, layers: {} }, 'layers must be an array of blueprints, with name and instantiate()'],
    [{ raw, layers: [null] }, 'layers must be an array of blueprints, with name and instantiate()'],
    [{ raw: 'hello' }, "raw must be a function: current value is 'hello'"],
  ])('refuses an option of another type: %o', async (options, why) => {
    expect(await refusalOf(options)).toBe(`TypeError: Cannot serve as ${why}`);
  });

  test('refuses options before it changes anything', async () => {
    const before = globalThis.Response;
    expect(await refusalOf({ fetch: () => new Response('hi'), nonsense: 1 })).toContain('nonsense');
    expect(globalThis.Response).toBe(before);
  });

  test.each([[null], [undefined], [5], [raw, null]])('refuses %o for options', async (...given) => {
    await expect(serve(...(given as Parameters<typeof serve>))).rejects.toThrow(
      /^Cannot serve as .*(?:current value is|must be given)/,
    );
  });

  test('takes an option that is undefined for one not given', async () => {
    expect(await refusalOf({ fetch: undefined, port: undefined, signal: undefined })).toBe(
      'TypeError: Cannot serve as exactly one of fetch and raw must be given',
    );
  });
});

test.each(['io-uring', 'node'] as const)(
  'Server.close() on %s refuses what it cannot do, and closes all the same when told well',
  async (runtime) => {
    const server = await serve({ port: 0, hostname: '127.0.0.1', raw, runtime });
    const refusal = (options: unknown) => server.close(options as never);
    await expect(refusal(null)).rejects.toThrow(
      new TypeError('Cannot close as options must be an object: current value is null'),
    );
    await expect(refusal({ drainTimeoutMs: -1 })).rejects.toThrow(
      'Cannot close as drainTimeoutMs must be a number of milliseconds >= 0: current value is -1',
    );
    // It serves on.
    expect(await (await fetch(server.url)).text()).toBe('hello');
    await server.close();
  },
);
