// Issue: header, body, idle, write, handler, lifetime and drain are deadlines of one coarse timer, each with a test that shows its effect.
// Here over sockets, with short times; what the defaults are and where each is counted from is shown with a clock of our own, in http1-deadlines.test.ts
// and http1-handler-timeout.test.ts. That they cost nothing: crowd.test.ts.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse, hello, LARGE, type Raw } from './harness/hostile-house.js';
import { get, type Peer } from './harness/peer.js';
import { until } from './harness/until.js';

const post = (length: number) =>
  `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${length}\r\n\r\n`;
/** What a client in another thread and a server that stands still say to each other. */
const [STANDS, SENT, NEVER] = [0, 1, 2];
const LATE_CLIENT = new URL('./fixtures/late-client.mjs', import.meta.url);
/** Long enough never to be met in here: what happens is another deadline's doing. */
const LATER = 60_000;
const PATIENT = {
  headerReadTimeoutMs: LATER,
  bodyReadTimeoutMs: LATER,
  requestTimeoutMs: LATER,
  keepAliveTimeoutMs: LATER,
  connectionTimeoutMs: LATER,
  handlerTimeoutMs: LATER,
  writeTimeoutMs: LATER,
};

describe.each(GROUNDS)('%s', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, connect, ask, expectIdle } = house;
  const reached = (): Readonly<Record<string, number>> => house.server.stats().timeouts;

  /** Sends a byte now and then, for as long as the connection takes it. */
  async function trickling<Result>(peer: Peer, work: () => Promise<Result>): Promise<Result> {
    const trickle = setInterval(() => peer.socket.write('a'), 100);
    try {
      return await work();
    } finally {
      clearInterval(trickle);
    }
  }

  test('header: a head that trickles is answered 408 at its total time', async () => {
    const port = await serving(hello, { ...PATIENT, headerReadTimeoutMs: 700 });
    const peer = await connect(port);
    await peer.send('GET / HTTP/1.1\r\nX-Slow: ');
    const { status, head } = await trickling(peer, () => peer.response());
    expect([status, /^connection: close$/im.test(head)]).toEqual([408, true]);
    expect(reached()).toEqual({ headerReadTimeoutMs: 1 });
    peer.close();
    await expectIdle();
  });

  const reads: Raw = async (request, reply) => {
    await request.bytes().then(
      (bytes) => reply.text(String(bytes.length)),
      () => {},
    );
  };

  test('body, progress: one that stalls is answered 408, one that goes on is not', async () => {
    const port = await serving(reads, { ...PATIENT, bodyReadTimeoutMs: 800 });
    const stalled = await connect(port);
    await stalled.send(`${post(20)}abc`);
    const steady = await connect(port);
    await steady.send(post(20));
    const answer = trickling(steady, () => steady.response());
    expect((await stalled.response()).status).toBe(408);
    expect(await stalled.ended).toBe('fin');
    expect((await answer).body.toString()).toBe('20');
    expect(reached()).toEqual({ bodyReadTimeoutMs: 1 });
  });

  test('body, total: one that trickles is answered 408 all the same', async () => {
    const port = await serving(reads, { ...PATIENT, requestTimeoutMs: 900 });
    const peer = await connect(port);
    await peer.send(post(10_000));
    expect((await trickling(peer, () => peer.response())).status).toBe(408);
    expect(reached()).toEqual({ requestTimeoutMs: 1 });
    peer.close();
    await expectIdle();
  });

  test('keep-alive: idle connections are closed silently, before and after a request', async () => {
    const port = await serving(hello, { ...PATIENT, keepAliveTimeoutMs: 600 });
    const fresh = await connect(port);
    const used = await connect(port);
    await used.send(get('/'));
    expect((await used.response()).status).toBe(200);
    expect(await Promise.all([fresh.ended, used.ended])).toEqual(['fin', 'fin']);
    expect([fresh.bufferedBytes, used.bufferedBytes]).toEqual([0, 0]);
    expect(reached()).toEqual({ keepAliveTimeoutMs: 2 });
  });

  test.each([
    ['keepAliveTimeoutMs', 'an idle connection', [get('/'), get('/')], 1],
    ['headerReadTimeoutMs', 'a head', ['GET / HTTP/1.1\r\n', 'Host: test\r\n\r\n'], 0],
    ['bodyReadTimeoutMs', 'a body', [post(5), 'hello'], 0],
  ] as const)(
    'what came in time is not late as the server itself stood still: %s, %s',
    async (limit, _what, pieces, replies) => {
      const port = await serving(reads, { ...PATIENT, [limit]: 1000 });
      const state = new Int32Array(new SharedArrayBuffer(12));
      const client = new Worker(LATE_CLIENT, { workerData: { port, pieces, replies, state } });
      expect(await once(client, 'message')).toEqual(['ready']);
      const answered = once(client, 'message');
      Atomics.store(state, STANDS, 1);
      Atomics.notify(state, STANDS);
      // The timer fires, then the bytes come, then it is too late.
      Atomics.wait(state, SENT, 0);
      Atomics.wait(state, NEVER, 0, 1000);
      const statuses = String(await answered).match(/HTTP\/1\.1 \d+/g) ?? [];
      expect(statuses).toEqual(Array.from({ length: replies + 1 }, () => 'HTTP/1.1 200'));
      await client.terminate();
    },
  );

  test('write: a peer that takes nothing is dropped, others are served meanwhile', async () => {
    const port = await serving(
      (request, reply) => (request.path === '/large' ? reply.bytes(LARGE) : reply.text('hello')),
      { ...PATIENT, writeTimeoutMs: 700 },
    );
    const peer = await connect(port, { read: false });
    await peer.send(get('/large'));
    await until('it is in', () => house.server.stats().connections === 1);
    expect(await ask(port)).toBe('hello');
    await expectIdle();
    expect(reached()).toEqual({ writeTimeoutMs: 1 });
  });

  test('handler: one that hangs is answered 503, a stream that falls silent is cut, one that does not lives on', async () => {
    const lost: string[] = [];
    const port = await serving(
      (request, reply) => {
        const { path } = request;
        reply.signal.addEventListener('abort', () => lost.push(path));
        if (path === '/hangs') return;
        reply.write('begun\n');
        if (path === '/silent') return;
        let events = 0;
        const timer = setInterval(() => {
          reply.write(`${events}\n`);
          if (++events < 30) return;
          clearInterval(timer);
          reply.end();
        }, 100);
      },
      { ...PATIENT, handlerTimeoutMs: 1500 },
    );
    const [hangs, silent, events] = await Promise.all([
      connect(port),
      connect(port),
      connect(port),
    ]);
    await Promise.all([
      hangs.send(get('/hangs')),
      silent.send(get('/silent')),
      events.send(get('/events')),
    ]);
    const { status, head, body } = await hangs.response();
    expect([status, /^connection: close$/im.test(head)]).toEqual([503, true]);
    expect(body.toString()).toMatch(/did not reply in time/);
    expect(await hangs.ended).toBe('fin');
    await expect(silent.response()).rejects.toThrow(/before a whole response/);
    const stream = await events.response();
    expect(stream.body.toString()).toMatch(/^begun\n0\n[\s\S]*\n29\n$/);
    expect(lost.sort()).toEqual(['/hangs', '/silent']);
    expect(reached()).toEqual({ handlerTimeoutMs: 2 });
  });

  test('handler: a body nobody reads does not hide its end from the server for ever', async () => {
    // Receiving is stopped, so neither FIN nor reset is heard: the handler's time ends it.
    let lost: unknown = null;
    const port = await serving(
      (request, reply) => {
        if (request.path === '/ask') reply.text('hello');
        else request.signal.addEventListener('abort', () => (lost = request.signal.reason));
      },
      { ...PATIENT, handlerTimeoutMs: 900, maxBodyBytes: LARGE.length },
    );
    const peer = await connect(port);
    await peer.send(post(LARGE.length));
    peer.socket.write(LARGE);
    await until('the peer is stopped', () => house.server.stats().bytesReceived > 16_384);
    peer.reset();
    expect(await ask(port, '/ask')).toBe('hello');
    await until('the handler heard', () => lost !== null);
    await expectIdle();
  });

  test('lifetime: an old connection is closed when idle, and says so when busy', async () => {
    const port = await serving(hello, { ...PATIENT, connectionTimeoutMs: 800 });
    // In the middle of a head when its time comes, which is not after that of a younger one.
    const busy = await connect(port);
    await busy.send(get('/').slice(0, 10));
    const idle = await connect(port);
    expect(await idle.ended).toBe('fin');
    await busy.send(get('/').slice(10));
    const { status, head } = await busy.response();
    expect([status, /^connection: close$/im.test(head)]).toEqual([200, true]);
    expect(await busy.ended).toBe('fin');
    expect(idle.bufferedBytes).toBe(0);
  });

  test('drain: what does not end is cut off when close() has waited for it', async () => {
    let running = 0;
    const port = await serving((_request, reply) => {
      running++;
      reply.write('begun');
    }, PATIENT);
    const peer = await connect(port);
    await peer.send(get('/'));
    await until('it runs', () => running === 1 && peer.bufferedBytes > 0);
    const order: string[] = [];
    const cut = peer.ended.then(() => order.push('cut'));
    setTimeout(() => order.push('half of the time'), 400);
    await house.server.close({ drainTimeoutMs: 800 });
    order.push('closed');
    await cut;
    expect(order[0]).toBe('half of the time');
    await expect(peer.response()).rejects.toThrow(/before a whole response/);
  });
});
