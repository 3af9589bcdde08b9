import { describe, expect, test } from 'vitest';
import { type HttpReply, HttpServerError } from '../exchange/index.js';
import { http1 } from '../protocol/index.js';
import { MemoryRuntime } from '../runtime/memory/index.js';
import type { HandlerOptions } from './on-error.js';
import { type RawHandler, rawHandler } from './raw.js';

const GET = 'GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n';
const connect = (handler: RawHandler, options?: HandlerOptions) =>
  new MemoryRuntime(http1({ handle: rawHandler(handler, options) })).connect();

describe('rawHandler()', () => {
  test('refuses what is no function', () => {
    expect(() => rawHandler(undefined as never)).toThrow(TypeError);
  });

  test('tells onError of every error, which may reply', async () => {
    for (const handler of [
      () => {
        throw new Error('sync');
      },
      async () => {
        throw new Error('async');
      },
    ]) {
      const seen: unknown[] = [];
      const silent = connect(handler, {
        onError: (error, request) => seen.push([String(error), request.path]),
      });
      expect((await silent.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 500 /);
      expect(seen).toHaveLength(1);
      const replying = connect(handler, {
        onError: (_error, _request, reply) => reply.status(418).text('tea'),
      });
      expect((await replying.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 418 /);
      const later = connect(handler, {
        onError: async (_error, _request, reply) => {
          await null;
          reply.status(419).text('tea');
        },
      });
      expect((await later.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 419 /);
    }
  });

  test('answers an HttpServerError of the 4xx kind with its status and message', async () => {
    const peer = connect(() => {
      throw new HttpServerError('BODY_INVALID', 'nope', 422);
    });
    expect((await peer.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 422 .*\r\n\r\nnope\n$/s);
  });

  test('reports a promise that settles without a reply', async () => {
    const seen: unknown[] = [];
    const peer = connect(async () => {}, { onError: (error) => seen.push(error) });
    expect((await peer.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 500 /);
    expect(seen).toMatchObject([{ code: 'REPLY_MISSING' }]);
  });

  test('a Response that is returned is no reply, and not waited for', async () => {
    for (const handler of [() => new Response('x'), async () => new Response('x')]) {
      const seen: unknown[] = [];
      const peer = connect(handler as never, { onError: (error) => seen.push(error) });
      expect((await peer.send(GET).settle()).received).toMatch(/^HTTP\/1\.1 500 /);
      expect(seen).toMatchObject([
        { code: 'REPLY_MISSING', message: expect.stringContaining('give the handler as fetch') },
      ]);
      const replied = connect(((_request: never, reply: HttpReply) => {
        reply.text('y');
        return new Response('x');
      }) as unknown as RawHandler);
      expect((await replied.send(GET).settle()).received).toMatch(/y$/);
    }
  });

  test('lets a handler that returns nothing, or anything but a promise, reply later', async () => {
    const peer = connect((_request, reply) => setTimeout(() => reply.text('late'), 1) as never);
    peer.send(GET).run();
    expect(peer.received).toBe('');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(peer.run().received).toMatch(/late$/);
  });
});
