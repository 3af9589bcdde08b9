import { describe, expect, test } from 'vitest';
import {
  connect,
  DATE,
  GET,
  type Handler,
  hello,
  repliesOf,
  runtimeOf,
  statuses,
} from '../../../test-support/http1-peer.js';
import { rawHandler } from '../../handlers/raw.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

describe('Http1Connection and replies', () => {
  test('writes fields in order, several Set-Cookie lines, and Date unless the handler has one', () => {
    const peer = connect((_request, reply) => {
      reply
        .header('X-A', '1')
        .header('Set-Cookie', ['a=1', 'b=2'])
        .append('set-cookie', 'c=3')
        .header('x-a', '2')
        .header('Content-Type', 'text/css')
        .text('body');
    })
      .send(GET)
      .run();
    expect(peer.received).toBe(
      `HTTP/1.1 200 OK\r\n${DATE}\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nset-cookie: c=3\r\nx-a: 2\r\nContent-Type: text/css\r\nContent-Length: 4\r\n\r\nbody`,
    );
    const dated = connect((_request, reply) => reply.header('date', 'now').empty())
      .send(GET)
      .run();
    expect(dated.received).toBe('HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 0\r\n\r\n');
  });

  test('sends text of every size and alphabet with its length in bytes', () => {
    for (const text of [
      '',
      'a',
      'é',
      'a€',
      '😀'.repeat(30),
      'x'.repeat(64),
      'x'.repeat(65),
      'é'.repeat(65),
      'x'.repeat(5000),
      'é'.repeat(8000),
      'x'.repeat(16_384),
      '€'.repeat(100_000),
    ]) {
      const peer = connect((_request, reply) => reply.text(text))
        .send(GET + GET)
        .run();
      const body = Buffer.from(text).toString('latin1');
      expect(repliesOf(peer.received).map((r) => r.body === body)).toEqual([true, true]);
    }
  });

  test('sends heads larger than one reservation', () => {
    const value = 'v'.repeat(6000);
    for (const streamed of [false, true]) {
      const peer = connect((_request, reply) => {
        reply.header('A', value).header('B', value).header('C', value);
        if (streamed) reply.end('x');
        else reply.text('x');
      })
        .send(GET)
        .run();
      expect(repliesOf(peer.received)[0]?.fields.c).toBe(value);
    }
  });

  test('streams in chunks with trailers', async () => {
    const peer = connect(async (_request, reply) => {
      reply.write('ab');
      await null;
      reply.write(new Uint8Array([0x63]));
      reply.write('');
      reply.trailer('X-Sum', '3').end('d'.repeat(70_000));
    });
    await peer.send(GET + GET).settle();
    for (const reply of repliesOf(peer.received)) {
      expect(reply.body).toBe(`abc${'d'.repeat(70_000)}`);
      expect(reply.fields.trailers).toBe('X-Sum: 3');
    }
    expect(statuses(peer)).toEqual([200, 200]);
  });

  test('refuses trailers that must stand in the head, and takes others', async () => {
    const refused = ['Content-Length', 'HOST', 'Content-Type', 'Set-Cookie', 'Trailer', 'Date'];
    const thrown: string[] = [];
    const peer = connect((_request, reply) => {
      reply.write('a');
      for (const name of [...refused, 'Transfer-Encoding', 'Connection', 'WWW-Authenticate']) {
        try {
          reply.trailer(name, '1');
        } catch (error) {
          thrown.push((error as Error).message);
        }
      }
      reply.trailer('ETag', '"x"').trailer('Server-Timing', 'a').trailer('grpc-status', '0').end();
    });
    await peer.send(GET).settle();
    expect(thrown.length).toBe(9);
    expect(thrown[0]).toBe(
      'Cannot add trailer as name must not be that of a field the head has to have: current value is "Content-Length"',
    );
    expect(peer.received).toMatch(
      /\r\n0\r\nETag: "x"\r\nServer-Timing: a\r\ngrpc-status: 0\r\n\r\n$/,
    );
  });

  test('sends each chunk as it is written', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const peer = connect(async (_request, reply) => {
      reply.write('first');
      await gate;
      reply.end();
    });
    await peer.send(GET).settle();
    expect(peer.received).toContain('5\r\nfirst\r\n');
    go();
    await peer.settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('first');
  });

  test('streams with a declared length without chunks', () => {
    const peer = connect((_request, reply) => {
      reply.header('content-length', 4).write('ab');
      reply.end('cd');
    })
      .send(GET)
      .run();
    expect(peer.received).toMatch(/Content-Length: 4\r\n\r\nabcd$/);
  });

  test('aborts when more or fewer bytes come than were declared', async () => {
    for (const wrong of ['abc', 'abcde']) {
      const errors: unknown[] = [];
      const runtime = new MemoryRuntime(
        http1({
          handle: rawHandler(
            (_request, reply) => {
              reply.header('Content-Length', 4).write(wrong.slice(0, 2));
              reply.end(wrong.slice(2));
            },
            { onError: (error) => errors.push(error) },
          ),
        }),
      );
      const peer = await runtime
        .connect()
        .send(GET + GET)
        .settle();
      expect(peer.closed).toBe('aborted');
      expect(errors).toMatchObject([{ code: 'LENGTH_MISMATCH' }]);
    }
    const whole = connect((_request, reply) => reply.header('Content-Length', 4).text('abc'))
      .send(GET)
      .run();
    expect(statuses(whole)).toEqual([500]);
  });

  test('answers 500 when the handler throws before the head, and stays', async () => {
    for (const handler of [
      () => {
        throw new Error('boom');
      },
      async () => {
        await null;
        throw new Error('boom');
      },
      async () => {},
    ]) {
      const peer = await connect(handler)
        .send(GET + GET)
        .settle();
      expect(statuses(peer)).toEqual([500, 500]);
      expect(peer.received).not.toContain('boom');
    }
  });

  test('aborts when the handler throws after the head', async () => {
    const peer = connect(async (_request, reply) => {
      reply.write('half');
      await null;
      throw new Error('boom');
    });
    await peer.send(GET + GET).settle();
    expect(peer.closed).toBe('aborted');
    expect(peer.received).not.toContain('0\r\n\r\n');
  });

  test('sends interim responses to HTTP/1.1 only', () => {
    const handler: Handler = (_request, reply) => {
      reply.informational(103, { Link: '</a.css>; rel=preload' });
      reply.text('ok');
    };
    const peer = connect(handler).send(GET).run();
    expect(statuses(peer)).toEqual([103, 200]);
    expect(peer.received).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\n/,
    );
    expect(statuses(connect(handler).send('GET / HTTP/1.0\r\n\r\n').run())).toEqual([200]);
  });

  test('lets the handler close with Connection: close', () => {
    const peer = connect((_request, reply) => reply.header('Connection', 'close').text('bye'))
      .send(GET + GET)
      .run();
    expect(repliesOf(peer.received).map((r) => r.fields.connection)).toEqual(['close']);
    expect(peer.closed).toBe('ended');
  });

  test('refuses what would split or frame the message', () => {
    const thrown: unknown[] = [];
    const attempt = (work: () => unknown): void => {
      try {
        work();
      } catch (error) {
        thrown.push(error);
      }
    };
    connect((_request, reply) => {
      attempt(() => reply.header('X', 'a\r\nb'));
      attempt(() => reply.header('X', 'a\0'));
      attempt(() => reply.header('X', '€'));
      attempt(() => reply.header('X\r\n', 'a'));
      attempt(() => reply.header('', 'a'));
      attempt(() => reply.header('Transfer-Encoding', 'chunked'));
      attempt(() => reply.append('Upgrade', 'x'));
      attempt(() => reply.trailer('X', 'a\nb'));
      attempt(() => reply.header('Content-Length', '5a'));
      attempt(() => reply.header('Content-Length', -1));
      attempt(() => reply.status(99));
      attempt(() => reply.status(1000));
      attempt(() => reply.informational(101));
      attempt(() => reply.json(undefined));
      reply.end();
    })
      .send(GET)
      .run();
    expect(thrown.map((error) => (error as Error).constructor)).toEqual([
      ...Array(8).fill(TypeError),
      ...Array(5).fill(RangeError),
      TypeError,
    ]);
  });

  test('caches the date until the clock has a new one', () => {
    const runtime = runtimeOf(hello);
    const peer = runtime.connect().send(GET).run();
    runtime.clock.set(999);
    peer.send(GET).run();
    runtime.clock.set(1000);
    peer.send(GET).run();
    expect(repliesOf(peer.received).map((r) => r.fields.date?.slice(23, 25))).toEqual([
      '37',
      '37',
      '38',
    ]);
  });
});
