import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';
import { type Http1Options, http1 } from './http1.js';

type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

const LENGTH = 200_000;
const GET = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const statuses = (peer: MemoryConnection): number[] =>
  [...peer.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));

function bodyOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}
const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

function runtimeOf(
  handler: Handler,
  gatheredBytesMax: number,
  options: Partial<Http1Options> = {},
) {
  const handle = rawHandler(handler, { onError: () => {} });
  return new MemoryRuntime(http1({ handle, ...options }), { gatheredBytesMax });
}
/** The memory runtime throws when a part of what was awaited is consumed. */
const digests: Handler = async (request, reply) => reply.text(digest(await request.bytes()));

describe('Left.gather and request bodies', () => {
  test.each([0, 1, 1000, 131_072, LENGTH - 1, LENGTH, 1 << 20])(
    'a Left that grants %i bytes: the body is whole, and what follows is the next request',
    async (granted) => {
      const body = bodyOf(LENGTH);
      const message = Buffer.concat([Buffer.from(post(LENGTH)), body, Buffer.from(GET)]);
      const head = post(LENGTH).length;
      const cuts = [head - 1, head, head + 1, head + 131_072, head + LENGTH - 1, head + LENGTH];
      for (const splits of [...cuts.map((cut) => [cut]), 7919, [head, head + 1, head + LENGTH]]) {
        const runtime = runtimeOf((request, reply) => {
          return request.path === '/next' ? reply.text('next') : digests(request, reply);
        }, granted);
        const peer = runtime.connect();
        await peer.send(message, splits).settle();
        expect(statuses(peer)).toEqual([200, 200]);
        expect(peer.received).toContain(digest(body));
        expect(peer.pendingBytes).toBe(0);
      }
    },
  );

  test('the handler asks for the body after some of it came', async () => {
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const runtime = runtimeOf(async (request, reply) => {
      await asked;
      await digests(request, reply);
    }, 1 << 20);
    const body = bodyOf(LENGTH);
    const peer = runtime.connect();
    await peer.send(post(LENGTH)).send(body.subarray(0, 1000)).settle();
    ask();
    await peer.settle();
    await peer.send(body.subarray(1000)).settle();
    expect(peer.received).toContain(digest(body));
  });

  test('nothing is gathered of a short body, of chunks, or for a reader of pieces', async () => {
    const asked: number[] = [];
    const handler: Handler = async (request, reply) => {
      if (request.path !== '/pieces') await request.bytes();
      else for await (const _ of request.body);
      reply.empty();
    };
    const runtime = runtimeOf(handler, 1 << 20);
    const peer = runtime.connect();
    const { left } = peer;
    const gather = left.gather.bind(left);
    left.gather = (length) => {
      asked.push(length);
      return gather(length);
    };
    await peer.send(post(100_000)).send(bodyOf(100_000), 5000).settle();
    const chunks = `${'4000\r\n'}${'x'.repeat(0x4000)}\r\n`.repeat(20);
    await peer
      .send(
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
        999,
      )
      .settle();
    await peer.send(post(LENGTH).replace('/', '/pieces')).send(bodyOf(LENGTH), 4999).settle(200);
    expect(statuses(peer)).toEqual([200, 200, 200]);
    expect(asked).toEqual([]);
    await peer.send(post(LENGTH)).send(bodyOf(LENGTH), 4999).settle();
    expect(asked).toEqual([LENGTH]);
  });

  test('FIN, a reset and a stall in the middle end it as they end any body', async () => {
    const outcomes: string[] = [];
    const handler: Handler = async (request, reply) => {
      try {
        await request.bytes();
        reply.empty();
      } catch (error) {
        outcomes.push((error as { code: string }).code);
      }
    };
    const runtime = runtimeOf(handler, 1 << 20, { bodyReadTimeoutMs: 1000 });
    const half = bodyOf(LENGTH).subarray(0, LENGTH / 2);
    const fin = await runtime.connect().send(post(LENGTH)).send(half, 999).fin().settle();
    expect(statuses(fin)).toEqual([400]);
    const reset = await runtime.connect().send(post(LENGTH)).send(half, 999).settle();
    reset.reset();
    await reset.settle();
    const slow = runtime.connect();
    await slow.send(post(LENGTH)).settle();
    // Each arrival is progress, though none of it is consumed.
    for (let at = 0; at < 10; at++) {
      await slow.send(half.subarray(0, 1000)).settle();
      runtime.advance(900);
    }
    expect(slow.left.ended).toBe(false);
    runtime.advance(1500);
    await slow.settle();
    expect(statuses(slow)).toEqual([408]);
    expect(outcomes).toEqual(['BODY_INVALID', 'PEER_GONE', 'BODY_TIMEOUT']);
  });

  test('a reply before the end: what is here is shown again and dropped, and the next request served', async () => {
    let reply!: HttpReply;
    const runtime = runtimeOf(
      (request, its) => {
        if (request.path === '/next') return its.text('next');
        reply = its;
        request.bytes().catch(() => {});
        return undefined;
      },
      1 << 20,
      { maxDrainBytes: LENGTH },
    );
    const body = bodyOf(LENGTH);
    for (const sent of [1, 1000, LENGTH - 1]) {
      const peer = runtime.connect();
      await peer.send(post(LENGTH)).send(body.subarray(0, sent), 4999).settle();
      expect(peer.pendingBytes).toBe(sent);
      reply.text('early');
      await peer.settle();
      expect(peer.pendingBytes).toBe(0);
      await peer.send(body.subarray(sent)).send(GET).settle();
      expect(statuses(peer)).toEqual([200, 200]);
    }
  });
});
