import { setTimeout as sleep } from 'node:timers/promises';
import { type ServeOptions, type Server, serve } from '@ringbearer/http-server';
import { afterEach, describe, expect, test } from 'vitest';
import { get, Peer } from './harness/peer.js';
import { until } from './harness/until.js';

const MEGABYTES = 1024 * 1024;
/** Larger than what two loopback sockets hold, so that a peer that does not read stops the server. */
const LARGE = Buffer.alloc(32 * MEGABYTES, 'x');

type Raw = NonNullable<ServeOptions['raw']>;

describe.each(['owner', 'embedded'] as const)('%s driver', (driver) => {
  let server: Server | null = null;
  const peers: Peer[] = [];
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    await server?.close({ drainTimeoutMs: 100 });
    server = null;
  });

  /** Serves on a free port; closed after the test. */
  async function serving(raw: Raw, options: Omit<ServeOptions, 'raw'> = {}): Promise<number> {
    server = await serve({ hostname: '127.0.0.1', port: 0, raw, driver, ...options });
    return (server.address() as { port: number }).port;
  }

  async function connect(port: number, options?: { read?: boolean }): Promise<Peer> {
    const peer = await Peer.connect(port, options);
    peers.push(peer);
    return peer;
  }

  /** One good request: what any other peer must be able to make meanwhile. */
  async function ask(port: number, target = '/'): Promise<string> {
    const peer = await Peer.connect(port);
    await peer.send(get(target));
    const { status, body } = await peer.response();
    peer.close();
    expect(status).toBe(200);
    return body.toString();
  }

  const hello: Raw = (_request, reply) => reply.text('hello');
  const sizes: Raw = async (request, reply) => {
    const body = await request.bytes();
    reply.text(`${request.method} ${request.target} ${body.length}`);
  };

  /** Nothing is left: no connection, no operation beyond the accept and the coarse timer. */
  async function expectIdle(): Promise<void> {
    await until('every connection is gone', () => server!.stats().connections === 0);
    const { ring } = server!.stats();
    expect(ring.capacity.PendingCompletions.used).toBeLessThanOrEqual(2);
    expect(ring.stale).toBe(0);
  }

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
      expect(new Set(errors)).toEqual(new Set(['PEER_GONE']));
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
      await until('all are open', () => server!.stats().connections === 50);
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
      const ms = performance.now() - started;
      expect(ms).toBeGreaterThan(600);
      expect(ms).toBeLessThan(1700);
    });

    test('one that never reads is dropped at the write timeout, others are served meanwhile', async () => {
      const port = await serving(
        (request, reply) => (request.path === '/large' ? reply.bytes(LARGE) : reply.text('hello')),
        { writeTimeoutMs: 700 },
      );
      const peer = await connect(port, { read: false });
      const started = performance.now();
      await peer.send(get('/large'));
      await until('it is in', () => server!.stats().connections === 1);
      for (let asked = 0; asked < 20; asked++) {
        expect(await ask(port)).toBe('hello');
        await sleep(10);
      }
      expect(server!.stats().connections).toBeGreaterThan(0);
      await expectIdle();
      expect(performance.now() - started).toBeGreaterThan(650);
      expect(performance.now() - started).toBeLessThan(4000);
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
  });

  describe('crowds', () => {
    test('two thousand connections opened and closed at random cost no good request', async () => {
      const port = await serving(hello);
      let opened = 0;
      let over = false;
      const churn = async () => {
        while (opened < 2000) {
          opened++;
          const peer = await Peer.connect(port);
          const dice = Math.random();
          if (dice < 0.3) await peer.send(get('/'));
          else if (dice < 0.6) await peer.send('GET / HT');
          if (Math.random() < 0.5) await sleep(Math.random() * 5);
          if (Math.random() < 0.5) peer.reset();
          else peer.close();
        }
      };
      let good = 0;
      const serveOthers = async () => {
        const peer = await connect(port);
        while (!over) {
          await peer.send(get('/'));
          const { status, body } = await peer.response();
          expect([status, body.toString()]).toEqual([200, 'hello']);
          good++;
        }
      };
      const others = Array.from({ length: 4 }, serveOthers);
      await Promise.all(Array.from({ length: 16 }, churn));
      over = true;
      await Promise.all(others);
      for (const peer of peers.splice(0)) peer.close();
      expect(good).toBeGreaterThan(50);
      await until('all were accepted', () => server!.stats().accepted >= 2004);
      await expectIdle();
    }, 60_000);

    test('a thousand pipelined requests in one write are answered in order', async () => {
      const port = await serving((request, reply) => reply.text(request.path));
      const peer = await connect(port);
      await peer.send(Array.from({ length: 1000 }, (_, i) => get(`/${i}`)).join(''));
      for (let i = 0; i < 1000; i++) expect((await peer.response()).body.toString()).toBe(`/${i}`);
      expect(server!.stats().ring.submitted).toBeLessThan(1000);
    });

    test('pipelined without reading, requests wait: memory stays bounded', async () => {
      let answered = 0;
      const page = 'x'.repeat(8000);
      const port = await serving((_request, reply) => {
        answered++;
        reply.text(page);
      });
      const peer = await connect(port, { read: false });
      const batch = Array.from({ length: 1000 }, () => get('/')).join('');
      for (let i = 0; i < 40; i++) peer.socket.write(batch);
      await sleep(600);
      // What fits into two socket buffers, 64 KiB of queue, and what was being sent.
      expect(answered * page.length).toBeLessThan(16 * MEGABYTES);
      const stalled = answered;
      await sleep(200);
      expect(answered).toBe(stalled);
    });

    test('over the limit, connections wait without a spin and are served when one closes', async () => {
      const port = await serving(hello, { maxConnections: 4, keepAliveTimeoutMs: 60_000 });
      const first = await Promise.all(Array.from({ length: 4 }, () => connect(port)));
      await until('the server is full', () => server!.stats().connections >= 4);
      await until('it says so', () => server!.stats().acceptPaused);
      const waiting = await Promise.all(Array.from({ length: 200 }, () => connect(port)));
      for (const peer of waiting) await peer.send(get('/'));
      const { enters } = server!.stats().ring;
      await sleep(1000);
      // The process that runs the test wakes up now and then; a spin would be thousands.
      expect(server!.stats().ring.enters - enters).toBeLessThan(300);
      expect(server!.stats().connections).toBe(4);
      expect(waiting.every((peer) => peer.bufferedBytes === 0)).toBe(true);

      // Those that were inside are still served, and each that leaves lets one in.
      await first[0]!.send(get('/'));
      expect((await first[0]!.response()).body.toString()).toBe('hello');
      for (const peer of first) peer.close();
      for (const peer of waiting) {
        expect((await peer.response()).body.toString()).toBe('hello');
        peer.close();
      }
      await expectIdle();
    });

    test('with one connection allowed, a burst beyond the descriptor table is served all the same', async () => {
      const port = await serving(hello, { maxConnections: 1 });
      const burst = await Promise.all(
        Array.from({ length: 300 }, async () => {
          const peer = await Peer.connect(port);
          await peer.send('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
          return peer;
        }),
      );
      for (const peer of burst) {
        expect((await peer.response()).body.toString()).toBe('hello');
        peer.close();
      }
      await expectIdle();
    });

    test('more bytes at once than there are receive buffers: all arrive', async () => {
      const port = await serving(sizes, { maxBodyBytes: 64 * MEGABYTES });
      const body = LARGE.subarray(0, 2 * MEGABYTES);
      const answers = await Promise.all(
        Array.from({ length: 64 }, async () => {
          const peer = await connect(port);
          await peer.send(
            `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n`,
          );
          await peer.send(body);
          return (await peer.response()).body.toString();
        }),
      );
      expect(new Set(answers)).toEqual(new Set([`POST / ${body.length}`]));
      expect(server!.stats().ring.noBuffers).toBeGreaterThan(0);
      expect(await ask(port)).toBe('GET / 0');
    });
  });

  describe('uploads nobody wants', () => {
    test.each([
      ['with a length', true],
      ['in chunks', false],
    ])(
      'fifty megabytes %s are answered with 413, and the answer arrives',
      async (_how, declared) => {
        const port = await serving(sizes, { maxBodyBytes: 1 * MEGABYTES });
        const peer = await connect(port);
        const framing = declared
          ? `Content-Length: ${50 * MEGABYTES}`
          : 'Transfer-Encoding: chunked';
        await peer.send(`POST / HTTP/1.1\r\nHost: test\r\n${framing}\r\n\r\n`);
        // Writes all it has before it looks at what came back, as many clients do.
        for (let i = 0; i < 50; i++) {
          const piece = LARGE.subarray(0, MEGABYTES);
          try {
            if (declared) await peer.send(piece);
            else
              await peer.send(
                Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]),
              );
          } catch {
            break;
          }
        }
        const { status, head } = await peer.response();
        expect(status).toBe(413);
        expect(head).toMatch(/^connection: close$/im);
        peer.close();
        await expectIdle();
      },
    );

    test('a handler that answers without reading is heard', async () => {
      const port = await serving((_request, reply) => reply.status(401).text('who are you?'));
      const peer = await connect(port);
      await peer.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${2 * MEGABYTES}\r\n\r\n`);
      await peer.send(LARGE.subarray(0, 2 * MEGABYTES));
      expect((await peer.response()).status).toBe(401);
    });
  });

  describe('a slow handler', () => {
    test('does not make the server hold an unbounded upload', async () => {
      let taken = 0;
      const port = await serving(
        async (request, reply) => {
          for await (const piece of request.body) {
            taken += piece.length;
            if (taken > MEGABYTES) await sleep(100_000, undefined, { ref: false });
          }
          reply.text('done');
        },
        { maxBodyBytes: 64 * MEGABYTES },
      );
      const peer = await connect(port);
      await peer.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
      peer.socket.write(LARGE);
      await until('the handler has enough', () => taken > MEGABYTES);
      await sleep(300);
      // The rest waits in the peer: not all of it can be in the kernel's buffers.
      expect(peer.socket.bytesWritten - peer.socket.writableLength).toBeLessThan(LARGE.length);
    });

    test('learns by request.signal that its client was reset', async () => {
      let heard: Promise<unknown> | null = null;
      const port = await serving((request, _reply) => {
        const { signal } = request;
        heard = new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve(signal.reason)),
        );
      });
      const peer = await connect(port);
      await peer.send(get('/'));
      await until('the handler runs', () => heard !== null);
      peer.reset();
      expect(await heard).toMatchObject({ code: 'PEER_GONE' });
    });

    test('learns by request.signal that its client closed, at the latest when it writes', async () => {
      let aborted = false;
      const port = await serving(async (request, reply) => {
        request.signal.addEventListener('abort', () => {
          aborted = true;
        });
        // A FIN may be half a close: the peer that reads no more says so only when something comes.
        for (let i = 0; !aborted && !reply.finished && i < 200; i++) {
          reply.write('tick\n');
          await sleep(10);
        }
      });
      const peer = await connect(port);
      await peer.send(get('/'));
      await until('the response began', () => peer.bufferedBytes > 0);
      peer.close();
      await until('the handler heard', () => aborted, 1500);
      await expectIdle();
    });
  });

  test('a close with everything under way resolves, in time, with nothing left', async () => {
    const port = await serving(
      async (request, reply) => {
        if (request.path === '/soon') {
          await sleep(200);
          reply.text('soon');
        } else if (request.path === '/large') reply.bytes(LARGE);
        else if (request.path === '/upload') reply.text(String((await request.bytes()).length));
        else await new Promise(() => {});
      },
      { headerReadTimeoutMs: 60_000, maxBodyBytes: 64 * MEGABYTES },
    );
    const idle = await connect(port);
    const head = await connect(port);
    await head.send('GET / HT');
    const never = await connect(port);
    await never.send(get('/never'));
    const large = await connect(port, { read: false });
    await large.send(get('/large'));
    const upload = await connect(port);
    await upload.send('POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 9999\r\n\r\nabc');
    const soon = await connect(port);
    await soon.send(get('/soon'));
    await until('all are in', () => server!.stats().connections === 6);
    await sleep(50);

    const started = performance.now();
    const closing = server!.close({ drainTimeoutMs: 800 });
    expect(await idle.ended).toBe('fin');
    expect(performance.now() - started).toBeLessThan(400);
    const answer = await soon.response();
    expect(answer.body.toString()).toBe('soon');
    expect(answer.head).toMatch(/^connection: close$/im);
    await expect(Peer.connect(port)).rejects.toThrow(/ECONNREFUSED/);
    await closing;
    const ms = performance.now() - started;
    expect(ms).toBeGreaterThan(700);
    expect(ms).toBeLessThan(2000);
    const again = await serve({ hostname: '127.0.0.1', port, raw: hello, driver });
    expect(await ask(port)).toBe('hello');
    await again.close();
  });
});
