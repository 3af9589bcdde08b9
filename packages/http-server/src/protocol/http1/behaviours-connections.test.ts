import { afterEach, describe, expect, test } from 'vitest';
import { answersOf } from '../../../test-support/http1-oracle.js';
import { echo, field, post, start } from '../../../test-support/http1-outcome.js';
import { GET, hello } from '../../../test-support/http1-peer.js';
import { CORPUS, NEXT } from '../../../test-support/smuggling/corpus.js';
import { RUNTIMES, repliesTo, type Stage, stages } from '../../../test-support/stage.js';
import { Random } from '../../runtime/memory/index.js';

/** Behaviours 81 to 100 of docs/conformance/http1-behaviours.md: how connections live and end, on every runtime. */
const open = stages(afterEach);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** That the server still serves. */
async function expectService(stage: Stage): Promise<void> {
  const { replies, peer } = await repliesTo(stage, GET, 1);
  expect(replies.map(({ status }) => status)).toEqual([200]);
  peer.fin();
}

describe.each(RUNTIMES)('$name', (kind) => {
  test('behaviour 81: close in any place and case closes after the reply', async () => {
    const stage = await open(kind, hello);
    const values = ['close', 'CLOSE', 'foo, Close', 'keep-alive,close ', 'a\r\nConnection: close'];
    for (const value of values) {
      const { replies, peer } = await repliesTo(stage, field(`Connection: ${value}`) + GET, 2);
      expect(replies.map(({ fields }) => fields.connection)).toEqual(['close']);
      expect(peer.over).toBe('ended');
    }
  });

  test('behaviour 82: HTTP/1.0 closes unless it asks to stay, and is told', async () => {
    const stage = await open(kind, hello);
    const asked = 'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n';
    const { replies, peer } = await repliesTo(
      stage,
      `${asked}${asked}GET / HTTP/1.0\r\n\r\n${GET}`,
      4,
    );
    expect(replies.map(({ fields }) => fields.connection)).toEqual([
      'keep-alive',
      'keep-alive',
      'close',
    ]);
    expect(peer.over).toBe('ended');
  });

  test('behaviour 83: 40 pipelined requests are answered in order, however they come', async () => {
    const stage = await open(kind, (request, reply) => reply.text(request.path));
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    const wire = paths.map((path) => start(`GET ${path} HTTP/1.1`)).join('');
    for (const delivery of ['none', 'random'] as const) {
      const { replies } = await repliesTo(stage, wire, 40, { delivery });
      expect(replies.map(({ body }) => body)).toEqual(paths);
    }
  });

  test.each([
    ['a close', field('Connection: close')],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['an error', field('X : y')],
    ['a bad body', post('Transfer-Encoding: chunked', 'x\r\n')],
  ])('behaviour 84: what follows %s is never answered', async (_what, wire) => {
    const paths: string[] = [];
    const stage = await open(kind, async (request, reply) => {
      paths.push(request.path);
      reply.text(await request.text());
    });
    const { replies, peer } = await repliesTo(
      stage,
      `${wire}${start('GET /smuggled HTTP/1.1')}`,
      2,
    );
    expect([replies.length, peer.over]).toEqual([1, 'ended']);
    expect(paths).not.toContain('/smuggled');
  });

  test('behaviour 85: a slow handler holds back the requests behind it', async () => {
    let go: () => void = () => {};
    const seen: string[] = [];
    const stage = await open(kind, async (request, reply) => {
      const { path } = request;
      seen.push(path);
      if (path === '/slow') {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
      reply.text(path);
    });
    const peer = await stage.connect();
    await peer.send(start('GET /slow HTTP/1.1') + start('GET /fast HTTP/1.1').repeat(100));
    await stage.until('the first is handled', () => seen.length > 0);
    for (let i = 0; i < 20; i++) await turn();
    expect([seen, peer.received]).toEqual([['/slow'], '']);
    go();
    await stage.until('all are answered', () => answersOf(peer.received).length === 101);
    expect(peer.received.indexOf('/slow')).toBeLessThan(peer.received.indexOf('/fast'));
  });

  test('behaviour 86: FIN behind a request takes nothing from its reply', async () => {
    const stage = await open(kind, async (_request, reply) => {
      await turn();
      reply.write('one');
      await turn();
      reply.end('two');
    });
    const peer = await stage.connect();
    await peer.send(GET);
    peer.fin();
    await stage.until('it is over', () => peer.over !== null);
    expect(peer.over).toBe('ended');
    expect(peer.received).toMatch(/3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/);
  });

  test('behaviour 87: FIN at once is a silent close', async () => {
    const stage = await open(kind, hello);
    const peer = await stage.connect();
    peer.fin();
    await stage.until('it is over', () => peer.over !== null);
    expect([peer.received, peer.over]).toEqual(['', 'ended']);
  });

  test('behaviour 88: FIN within a head is answered 400', async () => {
    const stage = await open(kind, hello);
    for (let at = 1; at < GET.length; at++) {
      const peer = await stage.connect();
      await peer.send(GET.slice(0, at));
      peer.fin();
      await stage.until('it is over', () => peer.over !== null);
      expect([answersOf(peer.received).map(({ status }) => status), peer.over]).toEqual([
        [400],
        'ended',
      ]);
    }
  });

  test('behaviour 89: a head that trickles is answered 408 at its total deadline', async () => {
    const stage = await open(kind, hello, { headerReadTimeoutMs: 500, keepAliveTimeoutMs: 60_000 });
    const peer = await stage.connect();
    await peer.send('GET / HTTP/1.1\r\n');
    // A byte whenever the peer is asked whether it is over: always progress, never an end.
    await stage.eventually('it is over', () => {
      if (peer.over === null) void peer.send('x');
      return peer.over !== null;
    });
    expect([answersOf(peer.received).map(({ status }) => status), peer.over]).toEqual([
      [408],
      'ended',
    ]);
  });

  test('behaviour 90: a body that stalls is answered 408', async () => {
    const stage = await open(kind, echo, { bodyReadTimeoutMs: 500 });
    const peer = await stage.connect();
    await peer.send(post('Content-Length: 5', 'hell'));
    await stage.eventually('it is over', () => peer.over !== null);
    expect([answersOf(peer.received).map(({ status }) => status), peer.over]).toEqual([
      [408],
      'ended',
    ]);
  });

  test('behaviour 91: an idle connection is closed without a word, before its first request and after', async () => {
    const stage = await open(kind, hello, { keepAliveTimeoutMs: 500 });
    const fresh = await stage.connect();
    const { peer: used } = await repliesTo(stage, GET, 1);
    await stage.eventually('both are over', () => fresh.over !== null && used.over !== null);
    expect([fresh.over, fresh.received]).toEqual(['ended', '']);
    expect([used.over, answersOf(used.received).length]).toEqual(['ended', 1]);
  });

  test('behaviour 92: a peer that does not read stops the writer, and gets everything once it reads', async () => {
    let waited = 0;
    let done = false;
    const piece = 'x'.repeat(65_536);
    const stage = await open(kind, async (_request, reply) => {
      for (let i = 0; i < 400; i++) {
        if (reply.write(piece)) continue;
        waited++;
        await reply.drained();
      }
      reply.end();
      done = true;
    });
    const peer = await stage.connect();
    peer.reads = false;
    await peer.send(field('Connection: close'));
    await stage.until('the writer waits', () => waited > 0);
    for (let i = 0; i < 50; i++) await turn();
    expect(done).toBe(false);
    peer.reads = true;
    await stage.until('it is over', () => peer.over !== null);
    expect([done, peer.over]).toEqual([true, 'ended']);
    expect(peer.received.split(piece).length - 1).toBe(400);
  });

  test('behaviour 93: at its age an idle connection is closed, a busy one after its reply', async () => {
    let go: () => void = () => {};
    const stage = await open(
      kind,
      async (request, reply) => {
        if (request.path === '/slow') {
          await new Promise<void>((resolve) => {
            go = resolve;
          });
        }
        reply.text('x');
      },
      { connectionTimeoutMs: 500, keepAliveTimeoutMs: 60_000 },
    );
    // The busy one first, so that it is of age when the idle one is.
    const busy = await stage.connect();
    await busy.send(start('GET /slow HTTP/1.1') + GET);
    const { peer: idle } = await repliesTo(stage, GET, 1);
    await stage.eventually('the idle one is over', () => idle.over !== null);
    expect([idle.over, busy.over, busy.received]).toEqual(['ended', null, '']);
    go();
    await stage.until('the busy one is over', () => busy.over !== null);
    const answers = answersOf(busy.received);
    expect([answers.at(-1)?.closes, busy.over]).toEqual([true, 'ended']);
  });

  // Accepting is a runtime's: in memory nothing is accepted.
  if (kind.name !== 'memory') {
    test('behaviour 94: above maxConnections a connection waits, and is served when there is room', async () => {
      const stage = await open(kind, hello, { maxConnections: 2 });
      const first = await repliesTo(stage, GET, 1);
      const second = await repliesTo(stage, GET, 1);
      const third = await stage.connect();
      await third.send(GET);
      await second.peer.send(GET);
      await stage.until('the second goes on', () => answersOf(second.peer.received).length === 2);
      expect(third.received).toBe('');
      first.peer.fin();
      await stage.until('the third is served', () => answersOf(third.received).length === 1);
    });
  }

  test('behaviour 95: the last allowed request is told', async () => {
    const stage = await open(kind, hello, { maxRequestsPerConnection: 3 });
    const { replies, peer } = await repliesTo(stage, GET.repeat(5), 5);
    expect(replies.map(({ fields }) => fields.connection)).toEqual([undefined, undefined, 'close']);
    expect(peer.over).toBe('ended');
  });

  test('behaviour 96: a reset aborts the signal and fails body and writer, once each', async () => {
    const told: unknown[] = [];
    let reading = false;
    const stage = await open(kind, async (request, reply) => {
      request.signal.addEventListener('abort', () => told.push('signal'));
      try {
        reading = true;
        await request.text();
      } catch (error) {
        told.push((error as { code: string }).code, reply.write('x'));
      }
    });
    const peer = await stage.connect();
    await peer.send(post('Content-Length: 5', 'he'));
    await stage.until('it reads', () => reading);
    peer.reset();
    await stage.until('all were told', () => told.length >= 3);
    for (let i = 0; i < 20; i++) await turn();
    expect(told).toEqual(['signal', 'PEER_GONE', false]);
  });

  test('behaviour 97: a server that closes ends what is idle at once and what is busy after its reply', async () => {
    let go: () => void = () => {};
    let busyNow = false;
    const stage = await open(kind, async (request, reply) => {
      if (request.path === '/slow') {
        busyNow = true;
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
      reply.text('x');
    });
    const { peer: idle } = await repliesTo(stage, GET, 1);
    const busy = await stage.connect();
    await busy.send(start('GET /slow HTTP/1.1') + GET);
    await stage.until('it is busy', () => busyNow);
    stage.shutdown();
    await stage.until('the idle one is over', () => idle.over !== null);
    expect([idle.over, busy.over]).toEqual(['ended', null]);
    go();
    await stage.until('the busy one is over', () => busy.over !== null);
    expect([answersOf(busy.received), busy.over]).toEqual([
      [{ status: 200, closes: true }],
      'ended',
    ]);
  });

  test('behaviour 98: 20 connections with 20 requests each get their own bodies', async () => {
    const stage = await open(kind, echo);
    const client = async (name: number): Promise<void> => {
      const bodies = Array.from({ length: 20 }, (_, i) => `${name}-${i}-${'b'.repeat(i * 97)}`);
      const wire = bodies.map((body, i) =>
        i % 2 === 0
          ? post(`Content-Length: ${body.length}`, body)
          : post(
              'Transfer-Encoding: chunked',
              `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
            ),
      );
      const { replies } = await repliesTo(stage, wire.join(''), 20, { delivery: 'random' });
      expect(replies.map(({ body }) => body)).toEqual(bodies.map((body) => `POST /  a ${body}`));
    };
    await Promise.all(Array.from({ length: 20 }, (_, name) => client(name)));
  });

  test('behaviour 99: random bytes and flipped requests break nothing for others', async () => {
    const stage = await open(kind, echo);
    const random = new Random(99);
    const valid = `${post('Content-Length: 5', 'hello')}${post('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n')}${GET}`;
    for (let i = 0; i < 200; i++) {
      const peer = await stage.connect();
      const at = random.below(valid.length);
      const noise = String.fromCharCode(...Array.from({ length: 40 }, () => random.below(256)));
      const flipped = `${valid.slice(0, at)}${String.fromCharCode(random.below(256))}${valid.slice(at + 1)}`;
      await peer.send(random.oneIn(4) ? noise : flipped, random.oneIn(3) ? 'random' : 'none');
      if (random.oneIn(5)) peer.reset();
      else {
        peer.fin();
        await stage.until('it is over', () => peer.over !== null);
        expect(peer.over).toBe('ended');
        for (const { status } of answersOf(peer.received)) expect(status).not.toBe(500);
      }
    }
    await expectService(stage);
  });

  test('behaviour 100: the smuggling corpus is read as written down, and nothing smuggled is seen', async () => {
    const targets: string[] = [];
    const stage = await open(kind, async (request, reply) => {
      targets.push(request.target);
      await request.bytes();
      reply.text('x');
    });
    for (const topic of Object.values(CORPUS)) {
      for (const [answers, cases] of Object.entries(topic)) {
        for (const [what, wire] of cases) {
          const peer = await stage.connect();
          await peer.send(wire + NEXT);
          peer.fin();
          await stage.until('it is over', () => peer.over !== null);
          const statuses = answersOf(peer.received).map(({ status }) => status);
          expect([what, statuses.join(' '), peer.over]).toEqual([what, answers, 'ended']);
        }
      }
    }
    expect(targets).not.toContain('/smuggled');
    await expectService(stage);
  });
});
