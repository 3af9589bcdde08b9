import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse, hello, LARGE, MEGABYTES, sizes } from './harness/hostile-house.js';
import { get, type Peer } from './harness/peer.js';
import { until } from './harness/until.js';

describe.each(GROUNDS)('%s', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, connect, ask, expectIdle } = house;

  describe('requests in pieces', () => {
    const POST =
      'POST /post?x=1 HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world';
    const CHUNKED =
      'PUT /put HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n';

    test.each([
      ['with a length', POST, 'POST /post?x=1 11'],
      ['in chunks', CHUNKED, 'PUT /put 11'],
    ])('%s, cut at every byte', async (_how, request, answer) => {
      const port = await serving(sizes);
      // Eight at a time: the pause between the pieces is what takes long.
      const cuts = Array.from({ length: request.length - 1 }, (_, index) => index + 1);
      const lane = async () => {
        for (let cut = cuts.pop(); cut !== undefined; cut = cuts.pop()) {
          const peer = await connect(port);
          await peer.send(request.slice(0, cut));
          await sleep(4);
          await peer.send(request.slice(cut) + get('/next'));
          expect((await peer.response()).body.toString(), `cut at ${cut}`).toBe(answer);
          expect((await peer.response()).body.toString()).toBe('GET /next 0');
          peer.close();
        }
      };
      await Promise.all(Array.from({ length: 8 }, lane));
      await expectIdle();
    });

    test.each([
      ['with a length', POST, 'POST /post?x=1 11'],
      ['in chunks', CHUNKED, 'PUT /put 11'],
    ])('%s, byte by byte', async (_how, request, answer) => {
      const port = await serving(sizes);
      const peer = await connect(port);
      for (const byte of request) {
        await peer.send(byte);
        await sleep(1);
      }
      expect((await peer.response()).body.toString()).toBe(answer);
    });
  });

  describe('peers that reset', () => {
    test('within a head', async () => {
      const port = await serving(hello);
      for (let i = 0; i < 20; i++) {
        const peer = await connect(port);
        await peer.send('GET / HTTP/1.1\r\nHo');
        if (i % 2 === 0) await sleep(2);
        peer.reset();
      }
      expect(await ask(port)).toBe('hello');
      await expectIdle();
    });

    test('within a response', async () => {
      let gone = 0;
      const port = await serving(async (_request, reply) => {
        try {
          for (;;) {
            if (!reply.write(LARGE.subarray(0, MEGABYTES))) await reply.drained();
          }
        } catch {
          gone++;
        }
      });
      for (let i = 0; i < 10; i++) {
        const peer = await connect(port);
        await peer.send(get('/'));
        await until('the response began', () => peer.bufferedBytes > 0);
        peer.reset();
      }
      await until('every handler noticed', () => gone === 10);
      await expectIdle();
    });

    test('within a large response sent from one buffer', async () => {
      const port = await serving((request, reply) =>
        request.path === '/large' ? reply.bytes(LARGE) : reply.text('hello'),
      );
      for (let i = 0; i < 10; i++) {
        const peer = await connect(port, { read: false });
        await peer.send(get('/large'));
        await sleep(5);
        peer.reset();
      }
      expect(await ask(port)).toBe('hello');
      await expectIdle();
    });

    test('within an upload', async () => {
      const errors: string[] = [];
      const port = await serving(async (request, reply) => {
        try {
          await request.bytes();
          reply.text('whole');
        } catch (error) {
          errors.push((error as { code: string }).code);
        }
      });
      for (let i = 0; i < 10; i++) {
        const peer = await connect(port);
        await peer.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nabc');
        await sleep(3);
        peer.reset();
      }
      await until('every handler noticed', () => errors.length === 10);
      // libuv may call a reset behind unread bytes an end, which is in the middle of the body.
      const codes = ground.runtime === 'node' ? ['PEER_GONE', 'BODY_INVALID'] : ['PEER_GONE'];
      for (const code of errors) expect(codes).toContain(code);
      await expectIdle();
    });
  });

  describe('peers that half-close', () => {
    test('after a request still get the answer', async () => {
      const port = await serving(async (request, reply) => {
        if (request.path === '/later') await sleep(50);
        reply.text('answer');
      });
      for (const target of ['/now', '/later']) {
        const peer = await connect(port);
        await peer.send(get(target));
        peer.half();
        expect((await peer.response()).body.toString()).toBe('answer');
        expect(await peer.ended).toBe('fin');
      }
      await expectIdle();
    });

    test('after pipelined requests get every answer', async () => {
      const port = await serving(async (request, reply) => {
        await sleep(1);
        reply.text(request.path);
      });
      const peer = await connect(port);
      await peer.send(Array.from({ length: 20 }, (_, i) => get(`/${i}`)).join(''));
      peer.half();
      for (let i = 0; i < 20; i++) expect((await peer.response()).body.toString()).toBe(`/${i}`);
      expect(await peer.ended).toBe('fin');
    });

    test('within a request are told so', async () => {
      const port = await serving(sizes);
      const head = await connect(port);
      await head.send('GET / HT');
      head.half();
      expect((await head.response()).status).toBe(400);
      const body = await connect(port);
      await body.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nabc');
      body.half();
      expect((await body.response()).status).toBe(400);
      await expectIdle();
    });
  });

  describe('peers that are slow', () => {
    test('idle ones cost no reply and are closed at their time', async () => {
      const port = await serving(hello, { keepAliveTimeoutMs: 600 });
      const idle = await Promise.all(Array.from({ length: 50 }, () => connect(port)));
      await until('all are open', () => house.server.stats().connections === 50);
      expect(await ask(port)).toBe('hello');
      for (const peer of idle) {
        expect(await peer.ended).toBe('fin');
        expect(peer.bufferedBytes).toBe(0);
      }
    });

    test('a head that trickles is ended at its total deadline', async () => {
      const port = await serving(hello, { headerReadTimeoutMs: 700, keepAliveTimeoutMs: 60_000 });
      const peer = await connect(port);
      const started = performance.now();
      await peer.send('GET / HTTP/1.1\r\nX-Slow: ');
      const trickle = setInterval(() => peer.socket.write('a'), 50);
      try {
        expect((await peer.response()).status).toBe(408);
      } finally {
        clearInterval(trickle);
      }
      expect(performance.now() - started).toBeGreaterThan(600);
    });

    test('one that never reads is dropped at the write timeout, others are served meanwhile', async () => {
      const port = await serving(
        (request, reply) => (request.path === '/large' ? reply.bytes(LARGE) : reply.text('hello')),
        { writeTimeoutMs: 700 },
      );
      const peer = await connect(port, { read: false });
      const started = performance.now();
      await peer.send(get('/large'));
      await until('it is in', () => house.server.stats().connections === 1);
      for (let asked = 0; asked < 20; asked++) {
        expect(await ask(port)).toBe('hello');
        await sleep(10);
      }
      expect(house.server.stats().connections).toBeGreaterThan(0);
      await expectIdle();
      expect(performance.now() - started).toBeGreaterThan(650);
    });

    test('one that reads slowly, but reads, is not dropped', async () => {
      const port = await serving((_request, reply) => reply.bytes(LARGE), { writeTimeoutMs: 600 });
      const peer = await connect(port, { read: false });
      await peer.send(get('/large'));
      const started = performance.now();
      let bytes = 0;
      const whole = new Promise<void>((resolve, reject) => {
        peer.socket.on('error', reject);
        peer.socket.on('data', (chunk) => {
          bytes += chunk.length;
          if (bytes > LARGE.length) resolve();
          peer.socket.pause();
          setTimeout(() => peer.socket.resume(), 3);
        });
      });
      await whole;
      expect(performance.now() - started).toBeGreaterThan(1200);
    });

    /** Peers that send a byte now and then, until the body of the test is over. */
    const trickling = async (peers: readonly Peer[], work: () => Promise<void>) => {
      const trickle = setInterval(() => {
        for (const { socket } of peers) socket.write('a');
      }, 100);
      await work().finally(() => clearInterval(trickle));
    };
    const crowd = (port: number, count: number, start: string, options?: { read?: boolean }) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const peer = await connect(port, options);
          await peer.send(start);
          return peer;
        }),
      );
    const HEAD = 'GET / HTTP/1.1\r\nX-Slow: ';

    test('a crowd of them dies by deadline, each by its own, and others are served all the time', async () => {
      const port = await serving(
        async (request, reply) => {
          if (request.path === '/large') reply.bytes(LARGE);
          else if (request.method === 'POST') await request.bytes().catch(() => {});
          else reply.text('hello');
        },
        {
          headerReadTimeoutMs: 1000,
          requestTimeoutMs: 1500,
          writeTimeoutMs: 1000,
          lingerTimeoutMs: 500,
        },
      );
      const heads = await crowd(port, 50, HEAD);
      const bodies = await crowd(
        port,
        50,
        'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n',
      );
      const readers = await crowd(port, 8, get('/large'), { read: false });
      let served = 0;
      await trickling([...heads, ...bodies], async () => {
        const open = () => house.server.stats().connections;
        await until('all are in', () => open() === 108);
        for (; open() > 0; served++) {
          expect(await ask(port)).toBe('hello');
          await sleep(20);
        }
        for (const peer of [...heads, ...bodies]) expect((await peer.response()).status).toBe(408);
      });
      expect(served).toBeGreaterThan(5);
      expect(house.server.stats().timeouts).toEqual({
        headerReadTimeoutMs: heads.length,
        requestTimeoutMs: bodies.length,
        writeTimeoutMs: readers.length,
      });
    });

    test('they cannot keep every connection: room comes back by deadline', async () => {
      const port = await serving(hello, {
        maxConnections: 10,
        headerReadTimeoutMs: 1000,
        lingerTimeoutMs: 500,
      });
      const heads = await crowd(port, 10, HEAD);
      await trickling(heads, async () => {
        await until('the server is full', () => house.server.stats().acceptPaused);
        const good = await connect(port);
        await good.send(get('/'));
        expect((await good.response()).body.toString()).toBe('hello');
        for (const peer of heads) expect((await peer.response()).status).toBe(408);
      });
      expect(house.server.stats().timeouts).toEqual({ headerReadTimeoutMs: 10 });
    });
  });
});
