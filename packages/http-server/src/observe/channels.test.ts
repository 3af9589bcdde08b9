import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { allOf, dial, exchange, GET, until } from '../../test-support/raw-client.js';
import { rawHandler } from '../handlers/index.js';
import type { ServeOptions } from '../options.js';
import { http1 } from '../protocol/index.js';
import { MemoryRuntime } from '../runtime/memory/index.js';
import { type Server, serve } from '../server.js';
import { httpChannels, type TypedChannel } from './channels.js';
import { ClientError } from './client-error.js';
import { ServerObserver } from './server-observer.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: Partial<ServeOptions>): Promise<Server> {
  const server = await serve({ port: 0, hostname: '127.0.0.1', ...options } as ServeOptions);
  undo.push(() => server.close({ drainTimeoutMs: 0 }));
  return server;
}

function listen<T>(channel: TypedChannel<T>): T[] {
  const seen: T[] = [];
  const listener = (message: T): void => void seen.push(message);
  channel.subscribe(listener);
  undo.push(() => channel.unsubscribe(listener));
  return seen;
}

describe('httpChannels', () => {
  test('tell of connections, requests and replies', async () => {
    const opened = listen(httpChannels.connectionOpen);
    const closed = listen(httpChannels.connectionClose);
    const begun = listen(httpChannels.requestStart);
    const over = listen(httpChannels.requestFinish);
    const server = await start({
      raw: (request, reply) => {
        if (request.path === '/stream') {
          reply.write('abc');
          reply.end('de');
        } else reply.status(404).text('no');
      },
    });
    await exchange(
      server,
      'GET /stream HTTP/1.1\r\nHost: h\r\n\r\nHEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    await until(() => closed.length === 1);
    expect(opened).toEqual([
      { connection: 1, peer: { family: 'IPv4', address: '127.0.0.1', port: expect.any(Number) } },
    ]);
    expect(begun.map(({ method, target, connection }) => [method, target, connection])).toEqual([
      ['GET', '/stream', 1],
      ['HEAD', '/x', 1],
    ]);
    expect(over).toMatchObject([
      { status: 200, bytes: 5, loss: null, durationMs: expect.any(Number) },
      { status: 404, bytes: 0, loss: null },
    ]);
    expect(over[0]!.durationMs).toBeGreaterThanOrEqual(0);
    expect(closed).toMatchObject([
      { connection: 1, reason: 'ended', requests: 2, peer: { address: '127.0.0.1' } },
    ]);
  });

  test('tell of a client that resets: channel, onDisconnect, counters', async () => {
    const channel = listen(httpChannels.disconnect);
    const told: unknown[] = [];
    let aborted = false;
    const server = await start({
      onDisconnect: (disconnect) => {
        told.push(disconnect);
        throw new Error('a callback that throws costs nobody a connection');
      },
      raw: (request, reply) => {
        request.signal.addEventListener('abort', () => {
          aborted = true;
        });
        reply.write('half');
      },
    });
    const failures: string[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => failures.push(error.message));
    undo.push(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    const socket = await dial(server);
    socket.write('POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await until(() => told.length === 1 && failures.length === 1);
    expect(channel).toEqual(told);
    expect(told).toMatchObject([
      { method: 'POST', target: '/up', status: 200, bytes: 4, loss: 'peer-gone', connection: 1 },
    ]);
    expect(told).toMatchObject([{ peer: { address: '127.0.0.1' } }]);
    expect(aborted).toBe(true);
    expect(failures).toEqual(['a callback that throws costs nobody a connection']);
    expect(server.stats()).toMatchObject({ requests: 1, active: 0, lost: 1, disconnects: 1 });
    // The server lives.
    expect((await exchange(server, 'x y\r\n\r\n')).slice(0, 12)).toBe('HTTP/1.1 400');
  });

  test('tell of protocol errors with code, peer and bytes: channel, onClientError, counters', async () => {
    const channel = listen(httpChannels.protocolError);
    const limits = listen(httpChannels.limit);
    const errors: ClientError[] = [];
    const server = await start({
      maxHeaderBytes: 200,
      onClientError: (error) => errors.push(error),
      raw: (_request, reply) => reply.text('hi'),
    });
    const bad = 'GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n';
    await exchange(server, GET + bad);
    await exchange(server, `GET / HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(300)}\r\n\r\n`);
    await until(() => errors.length === 2);
    expect(channel).toEqual(errors);
    expect(errors[0]).toBeInstanceOf(ClientError);
    expect(errors[0]).toMatchObject({
      name: 'ClientError',
      code: 'BARE_LF',
      status: 400,
      limit: null,
      connection: 1,
      bytesReceived: GET.length + bad.length,
      peer: { family: 'IPv4', address: '127.0.0.1' },
    });
    expect(errors[1]).toMatchObject({ code: 'HEAD_LENGTH', status: 431, limit: 'maxHeaderBytes' });
    expect(limits).toEqual([{ limit: 'maxHeaderBytes', connection: 2 }]);
    expect(server.stats()).toMatchObject({
      requests: 1,
      refused: 2,
      protocolErrors: { BARE_LF: 1, HEAD_LENGTH: 1 },
      limits: { maxHeaderBytes: 1 },
      responses: { '2xx': 1, '4xx': 2 },
    });
  });

  test('tell of the time limits: head, idle, handler', async () => {
    const limits = listen(httpChannels.limit);
    const over = listen(httpChannels.requestFinish);
    const server = await start({
      headerReadTimeoutMs: 50,
      keepAliveTimeoutMs: 300,
      handlerTimeoutMs: 50,
      raw: () => new Promise(() => {}),
    });
    const idle = await dial(server);
    const idleEnd = allOf(idle);
    expect(await exchange(server, 'GET /')).toMatch(/^HTTP\/1\.1 408/);
    expect(await exchange(server, GET)).toMatch(/^HTTP\/1\.1 503/);
    expect(await idleEnd).toBe('');
    expect(limits.map(({ limit }) => limit).sort()).toEqual([
      'handlerTimeoutMs',
      'headerReadTimeoutMs',
      'keepAliveTimeoutMs',
    ]);
    expect(over).toMatchObject([{ loss: 'fault', status: 503 }]);
    expect(server.stats()).toMatchObject({
      timeouts: { handlerTimeoutMs: 1, headerReadTimeoutMs: 1, keepAliveTimeoutMs: 1 },
      lost: 1,
      disconnects: 0,
      active: 0,
    });
  });

  test('tell why a reply was not completed: a slow reader, a handler that fails, a server that closes', async () => {
    const over = listen(httpChannels.requestFinish);
    const limits = listen(httpChannels.limit);
    const options: Partial<ServeOptions> = {
      writeTimeoutMs: 100,
      onError: () => {},
      raw: async (request, reply) => {
        if (request.path === '/fails') {
          reply.write('half');
          throw new Error('on purpose');
        }
        if (request.path === '/slow') {
          const chunk = Buffer.alloc(1 << 20);
          for (let i = 0; i < 64; i++) if (!reply.write(chunk)) await reply.drained();
        }
        await new Promise(() => {});
      },
    };
    const server = await start(options);
    const slow = await dial(server);
    slow.pause();
    slow.write('GET /slow HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => limits.length === 1);
    expect(limits).toEqual([{ limit: 'writeTimeoutMs', connection: 0 }]);
    await exchange(server, 'GET /fails HTTP/1.1\r\nHost: h\r\n\r\n').catch(() => '');
    const waiting = await dial(server);
    waiting.write('GET /waits HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => server.stats().active === 1);
    await server.close({ drainTimeoutMs: 0 });
    slow.destroy();
    expect(over.map(({ target, loss, status }) => [target, loss, status])).toEqual([
      ['/slow', 'aborted', 200],
      ['/fails', 'aborted', 200],
      ['/waits', 'shutdown', 0],
    ]);
    expect(server.stats()).toMatchObject({ lost: 3, disconnects: 0, active: 0, requests: 3 });
  });

  test('tell of a client that sends FIN and waits: a disconnect when nothing is written to it for halfCloseTimeoutMs', async () => {
    const gone = listen(httpChannels.disconnect);
    const limits = listen(httpChannels.limit);
    const errors = listen(httpChannels.protocolError);
    const told: unknown[] = [];
    const server = await start({
      halfCloseTimeoutMs: 300,
      onDisconnect: (disconnect) => told.push(disconnect),
      raw: () => new Promise(() => {}),
    });
    const socket = await dial(server);
    socket.end(GET);
    await until(() => gone.length === 1);
    expect(gone).toMatchObject([
      { method: 'GET', target: '/', status: 0, bytes: 0, loss: 'peer-gone', connection: 1 },
    ]);
    expect(told).toEqual(gone);
    expect(limits).toEqual([{ limit: 'halfCloseTimeoutMs', connection: 1 }]);
    expect(errors).toEqual([]);
    expect(server.stats()).toMatchObject({ disconnects: 1, lost: 1, active: 0, refused: 0 });
    socket.destroy();
  });

  test('tell of a body that ends early: the client broke the protocol, and did not just leave', async () => {
    const errors = listen(httpChannels.protocolError);
    const over = listen(httpChannels.requestFinish);
    const gone = listen(httpChannels.disconnect);
    const server = await start({
      onError: () => {},
      raw: async (request, reply) => {
        await request.bytes();
        reply.text('never');
      },
    });
    const head = 'POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n';
    const socket = await dial(server);
    const answer = allOf(socket);
    socket.end(`${head}half`);
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
    await until(() => over.length === 1);
    expect(errors).toMatchObject([
      { code: 'TRUNCATED', status: 400, limit: null, bytesReceived: head.length + 4 },
    ]);
    expect(over).toMatchObject([{ loss: 'fault', status: 400, target: '/up' }]);
    expect(gone).toEqual([]);
    expect(server.stats()).toMatchObject({ protocolErrors: { TRUNCATED: 1 }, disconnects: 0 });
  });

  test('tell who ended each connection: both, the client, our side, the server that closes', async () => {
    const closed = listen(httpChannels.connectionClose);
    const server = await start({
      keepAliveTimeoutMs: 60_000,
      onError: () => {},
      raw: async (request, reply) => {
        if (request.path === '/fails') {
          reply.write('half');
          throw new Error('on purpose');
        }
        if (request.path === '/hangs') await new Promise(() => {});
        reply.text('hi');
      },
    });
    const ended = await dial(server);
    ended.end(GET);
    await allOf(ended);
    await until(() => closed.length === 1);
    const reset = await dial(server);
    reset.write(GET);
    await new Promise((resolve) => reset.once('data', resolve));
    reset.resetAndDestroy();
    await until(() => closed.length === 2);
    await exchange(server, 'GET /fails HTTP/1.1\r\nHost: h\r\n\r\n').catch(() => '');
    await until(() => closed.length === 3);
    const left = await dial(server);
    left.on('error', () => {}).write('GET /hangs HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => server.stats().active === 1);
    await server.close({ drainTimeoutMs: 0 });
    expect(
      closed.map(({ connection, reason, requests }) => [connection, reason, requests]),
    ).toEqual([
      [1, 'ended', 1],
      [2, 'peer-reset', 1],
      [3, 'aborted', 1],
      [4, 'shutdown', 1],
    ]);
    left.destroy();
  });

  test('tell when accepting stops for want of room, and when it goes on', async () => {
    const accepts = listen(httpChannels.accept);
    const server = await start({
      maxConnections: 2,
      keepAliveTimeoutMs: 60_000,
      raw: (_request, reply) => reply.text('hi'),
    });
    const sockets = [await dial(server), await dial(server), await dial(server)];
    undo.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    await until(() => accepts.length === 1);
    expect(accepts[0]).toEqual({ paused: true, connections: 2, maxConnections: 2 });
    expect(server.stats()).toMatchObject({ acceptPaused: true, limits: { maxConnections: 1 } });
    sockets[0]!.destroy();
    sockets[1]!.destroy();
    await until(() => accepts.some(({ paused }) => !paused));
  });

  test('without subscribers nothing is built: no record, no peer; with one, both', () => {
    const observer = new ServerObserver();
    const watched = vi.spyOn(observer, 'watch');
    const runtime = new MemoryRuntime(
      http1({ handle: rawHandler((_request, reply) => reply.text('hi')), observer }),
    );
    const peer = runtime.connect();
    const asked = vi.spyOn(peer.left, 'peer');
    peer.send(GET).run();
    expect([watched.mock.calls.length, asked.mock.calls.length]).toEqual([0, 0]);
    const over = listen(httpChannels.requestFinish);
    peer.send(GET).run();
    expect([watched.mock.calls.length, asked.mock.calls.length, over.length]).toEqual([1, 1, 1]);
    undo.pop()!();
    peer.send(GET).run();
    expect([watched.mock.calls.length, asked.mock.calls.length, over.length]).toEqual([1, 1, 1]);
    expect(observer.tally).toMatchObject({ requests: 3, active: 0 });
  });
});

describe('AsyncLocalStorage', () => {
  test.each(['owner', 'embedded'] as const)(
    'concurrent and pipelined requests keep their stores (%s)',
    async (driver) => {
      const storage = new AsyncLocalStorage<string>();
      const found: unknown[] = [];
      const server = await start({
        driver,
        raw: (request, reply) => {
          const { path } = request;
          // Nobody's context but the one of the server's start.
          found.push(storage.getStore());
          return storage.run(path, async () => {
            const body = await request.text();
            await new Promise((resolve) => setTimeout(resolve, 2));
            await reply.drained();
            reply.text(`${path} ${body} ${storage.getStore()}`);
          });
        },
      });
      const one = (path: string, last: boolean): string =>
        `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n${last ? 'Connection: close\r\n' : ''}\r\nx`;
      const wires = await Promise.all(
        ['/a', '/b', '/c', '/d'].map((path) =>
          exchange(server, one(`${path}1`, false) + one(`${path}2`, false) + one(`${path}3`, true)),
        ),
      );
      for (const [index, path] of ['/a', '/b', '/c', '/d'].entries()) {
        for (const n of [1, 2, 3]) expect(wires[index]).toContain(`${path}${n} x ${path}${n}`);
      }
      expect(found).toEqual(Array.from({ length: 12 }, () => undefined));
    },
  );
});
