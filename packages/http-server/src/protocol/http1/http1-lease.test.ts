import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { BodyLease, HttpReply, HttpRequest } from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';
import { type Http1Options, http1 } from './http1.js';

type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

const LENGTH = 300_000;
const GET = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const code = (act: () => unknown): string => {
  try {
    act();
    return 'nothing was thrown';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
};

function bodyOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}
const head = (length: number, method = 'POST'): string =>
  `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
const post = (body: Buffer): Buffer => Buffer.concat([Buffer.from(head(body.length)), body]);
function bodyIn(peer: MemoryConnection): Buffer {
  const all = peer.receivedBytes;
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

function runtimeOf(handler: Handler, granted = 1 << 20, options: Partial<Http1Options> = {}) {
  const handle = rawHandler(handler, { onError: () => {} });
  return new MemoryRuntime(http1({ handle, ...options }), { gatheredBytesMax: granted });
}
const echo: Handler = async (request, reply) => reply.lease(await request.lease());

describe('request.lease() and reply.lease()', () => {
  test.each([0, 1, 131_072, 200_000, 1 << 20])(
    'a Left that grants %i bytes: bodies of every size come back, and the next request is served',
    async (granted) => {
      for (const length of [0, 1, 16_383, 16_384, 131_071, 131_072, LENGTH, 700_001]) {
        const body = bodyOf(length);
        const runtime = runtimeOf(echo, granted);
        for (const splits of ['none', 7919, [1, head(length).length, 99_999]] as const) {
          const peer = runtime.connect();
          await peer.send(post(body), splits).settle();
          expect(digest(bodyIn(peer))).toBe(digest(body));
          peer.takeReceived();
          await peer.send(post(body)).send(GET).settle();
          expect([...peer.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1])).toEqual([
            '200',
            '200',
          ]);
          expect(peer.left.held.size).toBe(0);
        }
      }
    },
  );

  test('chunks are collected into a lease too', async () => {
    const runtime = runtimeOf(echo);
    const peer = runtime.connect();
    const chunks = `4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(20);
    await peer
      .send(
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
        999,
      )
      .settle();
    expect(bodyIn(peer).equals(Buffer.alloc(20 * 0x4000, 'x'))).toBe(true);
  });

  test('it is read through copies, whatever pieces it came in', async () => {
    const body = bodyOf(LENGTH);
    const results: boolean[] = [];
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      expect(lease.length).toBe(LENGTH);
      const copy = lease.bytes();
      results.push(copy.length === copy.buffer.byteLength, body.equals(copy));
      copy.fill(0);
      for (const [start, end] of [
        [0, 1],
        [0, LENGTH],
        [131_071, 131_073],
        [262_143, LENGTH],
        [5, 5],
      ]) {
        const target = Buffer.alloc(end! - start! + 4, 0x2e);
        expect(lease.copyTo(target, 2, start, end)).toBe(end! - start!);
        results.push(target.subarray(2, -2).equals(body.subarray(start, end)));
        results.push(target[1] === 0x2e && target.at(-2) === 0x2e);
      }
      results.push(lease.text() === new TextDecoder().decode(body));
      expect(code(() => lease.json())).toBe('BODY_NOT_JSON');
      const target = new Uint8Array(10);
      for (const wrong of [-1, 0.5, Number.NaN, LENGTH + 1, 11]) {
        expect(code(() => lease.copyTo(target, 0, wrong))).toBe('RangeError');
        expect(code(() => lease.copyTo(target, wrong, 0, 1))).toBe('RangeError');
      }
      expect(code(() => lease.copyTo(target, 0, 0, 11))).toBe('RangeError');
      expect(code(() => lease.copyTo(target, '0' as never))).toBe('TypeError');
      expect(code(() => lease.copyTo({ length: 10, set() {} } as never, 0, 0, 1))).toBe(
        'TypeError',
      );
      lease.release();
      reply.text('read');
    }, 131_072);
    const peer = runtime.connect();
    await peer.send(post(body), 9999).settle();
    expect(peer.received).toContain('read');
    expect(results).toEqual(results.map(() => true));
    expect(peer.left.held.size).toBe(0);
  });

  test('JSON and text of small bodies', async () => {
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      reply.json([lease.text(), lease.json()]);
    });
    const peer = runtime.connect();
    await peer.send(post(Buffer.from('\ufeff{"a":"é"}'))).settle();
    expect(JSON.parse(bodyIn(peer).toString())).toEqual(['{"a":"é"}', { a: 'é' }]);
  });

  test('copyTo() shows no view of the memory to a target with a set() of its own', async () => {
    let shown = false;
    class Curious extends Uint8Array {
      override set(): void {
        shown = true;
      }
    }
    const runtime = runtimeOf(async (request, reply) => {
      const target = new Curious(LENGTH);
      (await request.lease()).copyTo(target);
      reply.text(digest(target));
    });
    const body = bodyOf(LENGTH);
    const peer = runtime.connect();
    await peer.send(post(body), 9999).settle();
    expect(peer.received).toContain(digest(body));
    expect(shown).toBe(false);
  });

  test('every use after release(), and after it was given to a reply, is refused; release() again is nothing', async () => {
    const codes: string[] = [];
    const uses = (lease: BodyLease): void => {
      expect(lease.held).toBe(false);
      for (const use of [
        () => lease.bytes(),
        () => lease.text(),
        () => lease.json(),
        () => lease.copyTo(new Uint8Array(LENGTH)),
        () => lease.unsafe,
      ]) {
        codes.push(code(use));
      }
      lease.release();
      lease[Symbol.dispose]();
    };
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      const [part] = lease.unsafe;
      if (request.header('x-release') !== undefined) {
        lease.release();
        uses(lease);
        expect(code(() => reply.lease(lease))).toBe('LEASE_RELEASED');
        expect(code(() => reply.lease(new Uint8Array(1) as never))).toBe('TypeError');
        reply.text('released');
      } else {
        reply.lease(lease);
        uses(lease);
      }
      expect(() => part!.bytes).toThrow();
    });
    const body = bodyOf(LENGTH);
    const peer = runtime.connect();
    await peer.send(post(body), 9999).settle();
    expect(digest(bodyIn(peer))).toBe(digest(body));
    peer.takeReceived();
    await peer.send(head(LENGTH).replace('\r\n', '\r\nX-Release: 1\r\n')).send(body, 9999).settle();
    expect(peer.received).toContain('released');
    expect(codes).toEqual(Array(10).fill('LEASE_RELEASED'));
    expect(peer.left.held.size).toBe(0);
  });

  test('a forgotten lease ends with its exchange: when the reply is complete and the handler through', async () => {
    const leases: BodyLease[] = [];
    let goOn = (): void => {};
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      leases.push(lease);
      reply.text('forgotten');
      if (leases.length === 1) return;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      expect(lease.bytes()).toHaveLength(LENGTH);
    });
    const peer = runtime.connect();
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    expect([leases[0]!.held, peer.left.held.size]).toEqual([false, 0]);
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    expect([leases[1]!.held, peer.left.held.size]).toEqual([true, 1]);
    goOn();
    await peer.settle();
    expect([leases[1]!.held, peer.left.held.size]).toEqual([false, 0]);
  });

  test('a handler that returned nothing: the lease ends with the reply', async () => {
    const leases: BodyLease[] = [];
    const runtime = runtimeOf((request, reply) => {
      void request.lease().then((lease) => {
        leases.push(lease);
        if (leases.length === 1) reply.text('done');
      });
    });
    const peer = runtime.connect();
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    expect(leases[0]!.held).toBe(false);
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    expect([leases[1]!.held, peer.left.held.size]).toEqual([true, 1]);
    peer.reset();
    expect([leases[1]!.held, peer.left.held.size]).toEqual([false, 0]);
  });

  test('the peer goes away: a handler at work keeps its lease until it is through, and its reply goes nowhere', async () => {
    for (const how of ['lease', 'text', 'throw'] as const) {
      let goOn = (): void => {};
      let read = '';
      const runtime = runtimeOf(async (request, reply) => {
        const lease = await request.lease();
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        read = digest(lease.bytes());
        if (how === 'lease') reply.lease(lease);
        else if (how === 'text') reply.text('gone');
        else throw new Error('a bug');
      });
      const body = bodyOf(LENGTH);
      const peer = runtime.connect();
      await peer.send(post(body), 9999).settle();
      peer.reset();
      await peer.settle();
      expect(peer.left.held.size).toBe(1);
      goOn();
      await peer.settle();
      expect(read).toBe(digest(body));
      expect(peer.left.held.size).toBe(0);
    }
  });

  test('FIN, a reset, a limit and an early reply in the middle: nothing of it is held', async () => {
    const outcomes: string[] = [];
    const runtime = runtimeOf(
      async (request, reply) => {
        try {
          await request.lease();
        } catch (error) {
          outcomes.push((error as { code: string }).code);
        }
        if (!reply.started) reply.empty();
      },
      131_072,
      { bodyReadTimeoutMs: 1000 },
    );
    const most = bodyOf(LENGTH).subarray(0, LENGTH - 1);
    const begun = () => runtime.connect().send(head(LENGTH)).send(most, 9999);
    const fin = await begun().fin().settle();
    const reset = await begun().settle();
    expect(reset.left.held.size).toBeGreaterThan(0);
    reset.reset();
    const slow = await begun().settle();
    runtime.advance(40_000);
    await slow.settle();
    expect(outcomes).toEqual(['BODY_INVALID', 'PEER_GONE', 'BODY_TIMEOUT']);
    for (const peer of [fin, reset, slow]) expect(peer.left.held.size).toBe(0);
  });

  test('limits hold, and a body is read in one way', async () => {
    const outcomes: string[] = [];
    const runtime = runtimeOf(async (request, reply) => {
      const first = request.header('x-first') === undefined;
      if (first) request.body.read().catch(() => {});
      const lease = request.lease({ maxBytes: LENGTH - 1 });
      outcomes.push(
        await lease.then(
          () => 'read',
          (error: { code: string }) => error.code,
        ),
      );
      if (!first)
        outcomes.push(await request.bytes().then(String, (error: { code: string }) => error.code));
      reply.empty();
    });
    const peer = runtime.connect();
    await peer.send(post(bodyOf(10))).settle();
    await peer
      .send(head(LENGTH).replace('\r\n', '\r\nX-First: 1\r\n'))
      .send(bodyOf(LENGTH), 9999)
      .settle();
    expect(outcomes).toEqual(['BODY_USED', 'BODY_TOO_LARGE', 'BODY_USED']);
    expect(peer.left.held.size).toBe(0);
  });

  test('HEAD, 204, 304 and a wrong Content-Length: nothing of the body is sent, and nothing held', async () => {
    const outcomes: string[] = [];
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      const status = Number(request.header('x-status') ?? 200);
      reply.status(status);
      if (request.header('x-length') !== undefined) {
        reply.header('Content-Length', '5');
        outcomes.push(
          code(() => reply.lease(lease)),
          String(lease.held),
        );
        reply.removeHeader('Content-Length').text('another');
      } else reply.lease(lease);
    });
    const send = async (method: string, field: string): Promise<string> => {
      const peer = runtime.connect();
      const message = head(LENGTH, method).replace('\r\n', `\r\n${field}\r\n`);
      await peer.send(message).send(bodyOf(LENGTH), 9999).settle();
      expect(peer.left.held.size).toBe(0);
      return peer.received;
    };
    const headed = await send('HEAD', 'X-None: 1');
    expect(headed).toContain(`Content-Length: ${LENGTH}\r\n`);
    expect(headed.endsWith('\r\n\r\n')).toBe(true);
    expect((await send('POST', 'X-Status: 204')).endsWith('\r\n\r\n')).toBe(true);
    expect((await send('POST', 'X-Status: 304')).endsWith('\r\n\r\n')).toBe(true);
    expect((await send('POST', 'X-Length: 1')).endsWith('another')).toBe(true);
    expect(outcomes).toEqual(['LENGTH_MISMATCH', 'true']);
  });

  test('one reply of each exchange: a lease of the first in the reply to the second is refused', async () => {
    const kept: BodyLease[] = [];
    const codes: string[] = [];
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      kept.push(lease);
      if (kept.length === 1) return reply.text('first');
      codes.push(code(() => reply.lease(kept[0]!)));
      reply.lease(lease);
      codes.push(code(() => reply.lease(lease)));
      return undefined;
    });
    const peer = runtime.connect();
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    await peer.send(post(bodyOf(LENGTH)), 9999).settle();
    expect(codes).toEqual(['LEASE_RELEASED', 'REPLY_STARTED']);
    expect(peer.left.held.size).toBe(0);
  });

  test('end(lease): the whole reply without a Content-Type, and the last piece of one that was begun', async () => {
    const runtime = runtimeOf(async (request, reply) => {
      const lease = await request.lease();
      if (request.path !== '/') reply.write('first,');
      reply.end(lease);
      expect(lease.held).toBe(false);
    });
    const body = bodyOf(LENGTH);
    const whole = await runtime.connect().send(post(body), 9999).settle();
    expect(whole.received).not.toContain('Content-Type');
    expect(whole.received).toContain(`Content-Length: ${LENGTH}\r\n`);
    expect(digest(bodyIn(whole))).toBe(digest(body));
    const begun = runtime.connect().send(head(LENGTH).replace('/ ', '/streamed '));
    await begun.send(body, 9999).settle();
    expect(begun.received).toContain('Transfer-Encoding: chunked');
    expect(begun.receivedBytes.includes(body)).toBe(true);
    for (const peer of [whole, begun]) expect(peer.left.held.size).toBe(0);
  });
});
