import { afterEach, describe, expect, test } from 'vitest';
import { field, start } from '../../../test-support/http1-outcome.js';
import { GET, type Handler, hello } from '../../../test-support/http1-peer.js';
import { RUNTIMES, repliesTo, stages } from '../../../test-support/stage.js';

/** Behaviours 21 and 70 to 80 of docs/conformance/http1-behaviours.md: what a reply looks like on the wire, on every runtime. */
const open = stages(afterEach);
const HEAD = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';

const streamed: Handler = (_request, reply) => {
  reply.write('one');
  reply.end('two');
};

describe.each(RUNTIMES)('$name', (kind) => {
  test('behaviour 21: OPTIONS * is answered for the server', async () => {
    const stage = await open(kind, hello);
    const { replies, peer } = await repliesTo(stage, start('OPTIONS * HTTP/1.1') + GET, 2);
    expect([replies.map(({ status }) => status), peer.over]).toEqual([[204, 200], null]);
  });

  test('behaviour 70: a whole body has its length in bytes, and no chunks', async () => {
    const stage = await open(kind, (_request, reply) => reply.text('grün'));
    const { replies } = await repliesTo(stage, GET, 1);
    expect(replies[0]!.fields).toMatchObject({ 'content-length': '5' });
    expect(replies[0]!.fields).not.toHaveProperty('transfer-encoding');
  });

  test('behaviour 71: a stream is sent in chunks as they are written', async () => {
    let go: () => void = () => {};
    const stage = await open(kind, async (_request, reply) => {
      reply.write('one');
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      reply.end('two');
    });
    const peer = await stage.connect();
    await peer.send(GET);
    await stage.until('the first chunk came', () => peer.received.endsWith('\r\n\r\n3\r\none\r\n'));
    go();
    await stage.until('the last came', () => peer.received.endsWith('3\r\ntwo\r\n0\r\n\r\n'));
    expect(peer.received).toContain('\r\nTransfer-Encoding: chunked\r\n');
  });

  test('behaviour 71: a stream to HTTP/1.0 ends with the connection', async () => {
    const stage = await open(kind, streamed);
    const { peer } = await repliesTo(stage, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 2);
    expect(peer.over).toBe('ended');
    expect(peer.received).toMatch(/\r\nConnection: close\r\n(?:.*\r\n)*\r\nonetwo$/);
    expect(peer.received).not.toContain('Transfer-Encoding');
  });

  test.each([
    ['whole', hello, 'content-length', '13'],
    ['streamed', streamed, 'transfer-encoding', 'chunked'],
  ] as const)(
    'behaviour 72: HEAD of what is %s has the head of GET',
    async (_what, handler, name, value) => {
      const stage = await open(kind, handler);
      const { replies, peer } = await repliesTo(stage, HEAD + HEAD + GET, 3, {
        methods: ['HEAD', 'HEAD', 'GET'],
      });
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(replies.map(({ fields }) => fields[name])).toEqual([value, value, value]);
      expect(replies[0]!.body + replies[1]!.body).toBe('');
      expect(peer.over).toBe(null);
    },
  );

  test('behaviour 72: HEAD that is refused has no body', async () => {
    const stage = await open(kind, (_request, reply) => reply.status(405).text('no'));
    const { replies } = await repliesTo(stage, HEAD + HEAD, 2, { methods: ['HEAD', 'HEAD'] });
    expect(replies.map(({ status }) => status)).toEqual([405, 405]);
  });

  test('behaviour 73: 204 and 304 have neither body nor framing, whatever was given', async () => {
    for (const status of [204, 304]) {
      const stage = await open(kind, (_request, reply) => reply.status(status).text('body'));
      const { peer, replies } = await repliesTo(stage, GET + GET, 2);
      expect(replies.map((reply) => reply.status)).toEqual([status, status]);
      expect(peer.received).not.toMatch(/Content-Length|Transfer-Encoding|body/);
    }
  });

  test('behaviour 73: 103 goes before the reply, without body or framing', async () => {
    const stage = await open(kind, (_request, reply) => {
      reply.informational(103, { Link: '</x>; rel=preload' });
      reply.text('x');
    });
    const { peer } = await repliesTo(stage, GET, 1);
    expect(peer.received).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/x>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
  });

  test('behaviour 74: 205 has no body and says so', async () => {
    const stage = await open(kind, (_request, reply) => reply.status(205).text('body'));
    const { replies } = await repliesTo(stage, GET + GET, 2);
    expect(replies.map(({ fields, body }) => [fields['content-length'], body])).toEqual([
      ['0', ''],
      ['0', ''],
    ]);
  });

  test.each([
    ['fewer', 'ab'],
    ['more', 'abcdefgh'],
  ])(
    'behaviour 75: %s bytes than declared end the connection, and the next is not served',
    async (_what, body) => {
      let handled = 0;
      const stage = await open(kind, async (_request, reply) => {
        handled++;
        reply.header('Content-Length', 5);
        reply.write(body);
        await null;
        reply.end();
      });
      const peer = await stage.connect();
      await peer.send(GET + GET);
      await stage.until('it is over', () => peer.over !== null);
      expect(handled).toBe(1);
      // Fewer than declared: the peer can tell that this is no whole reply.
      const [head = '', ...rest] = peer.received.split('\r\n\r\n');
      expect(head === '' || head.includes('Content-Length: 5')).toBe(true);
      expect(rest.join('').length).toBeLessThan(5);
    },
  );

  test('behaviour 76: what would split or frame a reply throws, and nothing of it is sent', async () => {
    const thrown: string[] = [];
    const attempts: ((reply: Parameters<Handler>[1]) => unknown)[] = [
      (reply) => reply.header('X', 'a\r\nY: z'),
      (reply) => reply.header('X', 'a\nY: z'),
      (reply) => reply.header('X', 'a\0'),
      (reply) => reply.header('X\r\nY', 'z'),
      (reply) => reply.header('X:', 'z'),
      (reply) => reply.header('Transfer-Encoding', 'chunked'),
      (reply) => reply.header('Content-Length', 'x'),
      (reply) => reply.header('Upgrade', 'x'),
      (reply) => reply.redirect('/a\r\nY: z'),
      (reply) => reply.status(99),
      (reply) => reply.status(1000),
    ];
    const stage = await open(kind, (_request, reply) => {
      for (const attempt of attempts) {
        try {
          attempt(reply);
        } catch (error) {
          thrown.push((error as Error).name);
        }
      }
      reply.text('x');
    });
    const { peer } = await repliesTo(stage, GET, 1);
    expect(thrown.length).toBe(attempts.length);
    expect(peer.received).not.toMatch(/Y: z|chunked|Upgrade/);
  });

  test('behaviour 77: a handler that throws is a 500, and the connection stays', async () => {
    let asked = 0;
    const stage = await open(kind, (_request, reply) => {
      if (asked++ === 0) throw new Error('secret');
      reply.text('x');
    });
    const { peer, replies } = await repliesTo(stage, GET + GET, 2);
    expect(replies.map(({ status }) => status)).toEqual([500, 200]);
    expect(peer.received).not.toContain('secret');
  });

  test('behaviour 77: a handler that throws within a stream aborts it without its last chunk', async () => {
    const stage = await open(kind, async (_request, reply) => {
      reply.write('begun');
      await reply.drained();
      throw new Error('secret');
    });
    const peer = await stage.connect();
    await peer.send(GET);
    await stage.until('it is over', () => peer.over !== null);
    expect(peer.received).not.toMatch(/0\r\n\r\n$|secret/);
  });

  test('behaviour 77: to HTTP/1.0, where FIN would be the end of the stream, that is a reset', async () => {
    let go: () => void = () => {};
    const stage = await open(kind, async (_request, reply) => {
      reply.write('begun');
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      throw new Error('secret');
    });
    const peer = await stage.connect();
    await peer.send('GET / HTTP/1.0\r\n\r\n');
    // A reset that comes together with bytes is an end to libuv's clients.
    await stage.until('it was begun', () => peer.received.endsWith('begun'));
    go();
    await stage.until('it is over', () => peer.over !== null);
    expect(peer.over).toBe('aborted');
    expect(peer.received).not.toContain('secret');
  });

  test('behaviour 78: Date is there, Server is not; a handler may set both', async () => {
    let asked = 0;
    const stage = await open(kind, (_request, reply) => {
      if (asked++ > 0) reply.header('Date', 'then').header('Server', 's');
      reply.text('x');
    });
    const { replies } = await repliesTo(stage, GET + GET, 2);
    expect(replies[0]!.fields.date).toMatch(
      /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
    );
    expect(replies[0]!.fields).not.toHaveProperty('server');
    expect(replies[1]!.fields).toMatchObject({ date: 'then', server: 's' });
  });

  test('behaviour 79: 404, 405 with Allow, 406 and 415 are the application’s, sent as they are', async () => {
    const stage = await open(kind, (request, reply) => {
      reply.status(Number(request.path.slice(1)));
      if (request.path === '/405') reply.header('Allow', 'GET, HEAD');
      reply.empty();
    });
    const wire = [404, 405, 406, 415].map((status) => start(`PATCH /${status} HTTP/1.1`)).join('');
    const { replies } = await repliesTo(stage, wire, 4);
    expect(replies.map(({ status, fields }) => [status, fields.allow])).toEqual([
      [404, undefined],
      [405, 'GET, HEAD'],
      [406, undefined],
      [415, undefined],
    ]);
  });

  test('behaviour 80: nothing is negotiated or coded that the application did not code', async () => {
    const stage = await open(kind, (_request, reply) => reply.text('x'.repeat(5_000)));
    for (const coding of ['gzip', 'identity;q=0', '*;q=0']) {
      const { replies } = await repliesTo(stage, field(`Accept-Encoding: ${coding}`), 1);
      expect(replies[0]!.body.length).toBe(5_000);
      expect(replies[0]!.fields).not.toHaveProperty('content-encoding');
    }
  });
});
