import { describe, expect, test, vi } from 'vitest';
import {
  connect,
  DATE,
  GET,
  hello,
  repliesOf,
  statuses,
} from '../../../test-support/http1-peer.js';

describe('Http1Connection.receive()', () => {
  test('answers a request and keeps the connection', () => {
    const peer = connect(hello).send(GET).run();
    expect(peer.received).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!`,
    );
    expect(peer.left.ended).toBe(false);
    peer.send(GET).run();
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('answers the same at every split point', () => {
    const text = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    for (let at = 1; at < text.length; at++) {
      const peer = connect((request, reply) => reply.text(`${request.method} ${request.path}`));
      peer.send(text + GET, [at]).run();
      expect(repliesOf(peer.received).map((r) => r.body)).toEqual(['POST /x', 'GET /']);
    }
  });

  test('coalesces the replies to 1 to 20 pipelined requests, in order', () => {
    for (let n = 1; n <= 20; n++) {
      const peer = connect((request, reply) => reply.text(request.path));
      const paths = Array.from({ length: n }, (_, i) => `/${i}`);
      peer.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')).run();
      expect(repliesOf(peer.received).map((r) => r.body)).toEqual(paths);
      expect(peer.left.writes).toBe(n);
    }
  });

  test('keeps the order when a slow handler is followed by fast ones, and holds the rest back', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const peer = connect(async (request, reply) => {
      const { path } = request;
      seen.push(path);
      if (path === '/slow') await gate;
      reply.text(path);
    });
    peer.send(
      '/slow /b /c'
        .split(' ')
        .map((p) => `GET ${p} HTTP/1.1\r\nHost: a\r\n\r\n`)
        .join(''),
    );
    await peer.settle();
    expect(seen).toEqual(['/slow']);
    expect(peer.left.paused).toBe(true);
    expect(peer.received).toBe('');
    release();
    await peer.settle();
    expect(repliesOf(peer.received).map((r) => r.body)).toEqual(['/slow', '/b', '/c']);
  });

  test('never answers what follows a request with close or an error', () => {
    const close = 'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const peer = connect(hello)
      .send(close + GET + GET)
      .run();
    expect(statuses(peer)).toEqual([200]);
    expect(peer.closed).toBe('ended');
    expect(peer.pendingBytes).toBe(0);
    expect(statuses(connect(hello).send(`GET /x\r\n\r\n${GET}`).run())).toEqual([400]);
  });

  test('ignores up to two empty lines before a request', () => {
    expect(statuses(connect(hello).send(`\r\n${GET}\r\n\r\n${GET}`, 1).run())).toEqual([200, 200]);
    expect(statuses(connect(hello).send(`\r\n\r\n\r\n${GET}`).run())).toEqual([400]);
    expect(statuses(connect(hello).send(`\n${GET}`).run())).toEqual([400]);
    expect(statuses(connect(hello).send(`\r${GET}`).run())).toEqual([400]);
  });

  // One line per status this protocol answers by itself.
  test.each([
    [400, 'GET / HTTP/1.1\r\n\r\n'],
    [413, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2097153\r\n\r\n'],
    [414, `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    [417, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n'],
    [431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`],
    [501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    [501, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    [501, 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [505, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('answers %i with a reason and Connection: close', (status, text) => {
    for (const splits of ['none', 1] as const) {
      const peer = connect(hello).send(text, splits).run();
      const [reply, ...more] = repliesOf(peer.received);
      expect(more).toEqual([]);
      expect(reply?.status).toBe(status);
      expect(reply?.fields.connection).toBe('close');
      expect(reply?.fields['content-type']).toBe('text/plain; charset=utf-8');
      expect(reply?.body.length).toBeGreaterThan(10);
      expect(peer.closed).toBe('ended');
    }
  });

  test('refuses a request line without end before it is complete', () => {
    const peer = connect(hello);
    for (let i = 0; i < 20; i++)
      peer.send('/'.repeat(1000).replace('/', i === 0 ? 'GET /' : '/')).run();
    expect(statuses(peer)).toEqual([414]);
    expect(peer.keptBytesMax).toBeLessThan(16_384);
  });

  test('looks at a head that comes byte by byte a constant number of times', () => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${'y'.repeat(150)}\r\n`.repeat(95)}\r\n`;
    const peer = connect(hello).send(head, 1);
    // Quadratic work would take minutes, which is more than a test may.
    peer.run();
    expect(statuses(peer)).toEqual([200]);
  });

  test('answers OPTIONS * for the whole server', () => {
    const handler = vi.fn();
    const peer = connect(handler).send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').run();
    expect(statuses(peer)).toEqual([204]);
    expect(handler).not.toHaveBeenCalled();
  });

  test('sends no body and keeps the length in reply to HEAD', () => {
    const peer = connect((request, reply) => {
      if (request.path === '/missing') reply.status(404).text('not here');
      else if (request.path === '/stream') {
        reply.write('abc');
        reply.end('def');
      } else if (request.path === '/large') reply.bytes(new Uint8Array(100_000));
      else if (request.path === '/length') reply.header('Content-Length', 12).empty();
      else reply.text('Hello');
    });
    const paths = ['/', '/missing', '/stream', '/large', '/length'];
    peer.send(paths.map((p) => `HEAD ${p} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')).run();
    const replies = repliesOf(peer.received, Array(5).fill('HEAD'));
    expect(
      replies.map((r) => [r.status, r.fields['content-length'], r.fields['transfer-encoding']]),
    ).toEqual([
      [200, '5', undefined],
      [404, '8', undefined],
      [200, undefined, 'chunked'],
      [200, '100000', undefined],
      [200, '12', undefined],
    ]);
    expect(peer.left.ended).toBe(false);
  });

  test('sends neither body nor length with 204 and 304, and no body with 205', () => {
    const peer = connect((request, reply) => {
      reply.status(Number(request.query));
      if (request.path === '/length') reply.header('Content-Length', 7).empty();
      else if (request.path === '/stream') {
        reply.write('x');
        reply.end();
      } else reply.text('dropped');
    });
    for (const target of [
      '/?204',
      '/?304',
      '/?205',
      '/stream?204',
      '/stream?304',
      '/stream?205',
      '/length?304',
    ]) {
      peer.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).run();
    }
    peer.send(GET.replace('/', '/?200')).run();
    const replies = repliesOf(peer.received);
    expect(
      replies.map((r) => [
        r.status,
        r.fields['content-length'],
        r.fields['transfer-encoding'],
        r.body,
      ]),
    ).toEqual([
      [204, undefined, undefined, ''],
      [304, undefined, undefined, ''],
      [205, '0', undefined, ''],
      [204, undefined, undefined, ''],
      [304, undefined, undefined, ''],
      [205, '0', undefined, ''],
      [304, '7', undefined, ''],
      [200, '7', undefined, 'dropped'],
    ]);
  });

  test('closes after HTTP/1.0 unless asked to stay, and then says so', () => {
    const plain = connect(hello).send('GET / HTTP/1.0\r\n\r\n').run();
    expect(repliesOf(plain.received)[0]?.fields.connection).toBe('close');
    expect(plain.closed).toBe('ended');
    const asked = connect(hello).send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').run();
    const [reply] = repliesOf(asked.received);
    expect([reply?.fields.connection, reply?.fields['content-length']]).toEqual([
      'keep-alive',
      '13',
    ]);
    expect(asked.left.ended).toBe(false);
  });

  test('streams to HTTP/1.0 until it closes, without chunks', () => {
    const peer = connect((_request, reply) => {
      reply.write('a');
      reply.end('b');
    })
      .send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      .run();
    const [reply] = repliesOf(peer.received);
    expect([reply?.body, reply?.fields['transfer-encoding'], reply?.fields.connection]).toEqual([
      'ab',
      undefined,
      'close',
    ]);
    expect(peer.closed).toBe('ended');
  });

  test('ends a connection after its last allowed request', () => {
    const peer = connect(hello, { maxRequestsPerConnection: 3 }).send(GET.repeat(5)).run();
    expect(repliesOf(peer.received).map((r) => r.fields.connection)).toEqual([
      undefined,
      undefined,
      'close',
    ]);
    expect(peer.closed).toBe('ended');
  });
});
